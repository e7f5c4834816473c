-- What people give to the pool; the id is that of the paid action.
create table forum_donations (
    id text primary key,
    actor text,
    amount_msats bigint not null check (amount_msats > 0),
    created_at timestamptz not null
);
create index forum_donations_by_actor on forum_donations (actor, created_at);
create index forum_donations_by_time on forum_donations (created_at);
