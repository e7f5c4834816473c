-- What one can vote for in a poll; options are added and never changed.
create table forum_poll_options (
    item_id text not null,
    position integer not null check (position between 1 and 10),
    text text not null,
    primary key (item_id, position)
);
