-- Parts of the forum with an owner, who pays for them and earns from them.
create table forum_territories (
    name text primary key,
    version integer not null default 1 check (version > 0),
    paid_by text,
    owner text not null,
    description text not null,
    base_cost_msats bigint not null check (base_cost_msats > 0),
    reply_cost_msats bigint check (reply_cost_msats > 0),
    post_kinds text not null,
    free_posts boolean not null default false,
    rewards_percent integer not null default 50 check (rewards_percent between 0 and 100),
    billing text not null check (billing in ('monthly', 'yearly', 'once')),
    billing_cost_msats bigint not null check (billing_cost_msats > 0),
    auto_renew boolean not null default true,
    status text not null default 'active' check (status in ('active', 'grace', 'stopped')),
    billed_at timestamptz not null,
    paid_until timestamptz,
    created_at timestamptz not null,
    check ((billing = 'once') = (paid_until is null))
);
create index forum_territories_by_owner on forum_territories (owner);
create index forum_territories_due on forum_territories (paid_until) where status <> 'stopped';
