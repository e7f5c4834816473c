-- What people pay to do to an item of somebody; the id is that of the paid action.
create table forum_acts (
    id text primary key,
    act text not null check (act in ('zap', 'downzap', 'boost', 'bounty')),
    item_id text not null,
    actor text,
    amount_msats bigint not null check (amount_msats > 0),
    created_at timestamptz not null
);
create index forum_acts_by_item on forum_acts (item_id, actor);
create index forum_acts_by_actor on forum_acts (actor, created_at);
