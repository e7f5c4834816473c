-- What somebody has written for nothing; the number limits how much that is in a month.
create table forum_freebies (
    actor text not null,
    month text not null,
    number integer not null check (number > 0),
    item_id text not null unique,
    primary key (actor, month, number)
);
