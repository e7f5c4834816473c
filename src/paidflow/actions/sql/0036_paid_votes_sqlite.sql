-- Paid votes, until they are in the tallies; nothing in them says whose they are. Without a rowid
-- they are not kept in the order in which they came.
create table forum_paid_votes (
    id text primary key default (lower(hex(randomblob(16)))),
    item_id text not null,
    option integer not null
) without rowid;
create index forum_paid_votes_by_item on forum_paid_votes (item_id, option);
