-- What was changed about territories, by whom, and how each of them was after it. Only one change can
-- make a version of a territory, so whoever is slower is refused; names that differ by capitals only
-- are the same. The id is that of the paid action. What is not paid in the end leaves no row.
create table forum_territory_changes (
    id text primary key,
    change text not null check (change in ('create', 'update', 'bill', 'revive', 'transfer')),
    name text not null,
    version integer not null check (version > 0),
    owner text not null,
    owner_before text,
    description text not null,
    base_cost_msats bigint not null,
    reply_cost_msats bigint,
    post_kinds text not null,
    free_posts boolean not null,
    rewards_percent integer not null,
    billing text not null,
    billing_cost_msats bigint not null,
    auto_renew boolean not null,
    billed_at timestamptz not null,
    paid_until timestamptz,
    cost_msats bigint not null check (cost_msats >= 0),
    created_at timestamptz not null
);
create unique index forum_territory_changes_once on forum_territory_changes (lower(name), version);
create index forum_territory_changes_by_owner on forum_territory_changes (owner, created_at);
create unique index forum_territories_by_name on forum_territories (lower(name));
