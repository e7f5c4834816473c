-- Paid votes, until they are in the tallies; nothing in them says whose they are.
create table forum_paid_votes (
    id uuid primary key default gen_random_uuid(),
    item_id text not null,
    option integer not null
);
create index forum_paid_votes_by_item on forum_paid_votes (item_id, option);
