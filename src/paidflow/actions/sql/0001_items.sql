-- What people write: posts of every kind, comments, and what they say about themselves.
create table forum_items (
    id text primary key,
    kind text not null check (kind in
        ('link', 'discussion', 'poll', 'bounty', 'job', 'comment', 'bio')),
    author text,
    parent_id text,
    root_id text not null,
    territory text,
    title text,
    url text,
    text text,
    bounty_msats bigint check (bounty_msats > 0),
    poll_cost_msats bigint check (poll_cost_msats >= 0),
    poll_expires_at timestamptz,
    company text,
    location text,
    remote boolean,
    free boolean not null default false,
    boost_msats bigint not null default 0 check (boost_msats >= 0),
    created_at timestamptz not null,
    paid_at timestamptz,
    live boolean not null default false,
    edited_at timestamptz,
    deleted_at timestamptz,
    check ((kind = 'comment') = (parent_id is not null)),
    check (kind <> 'comment' or root_id <> id)
);
create index forum_items_by_author on forum_items (author, created_at);
create index forum_items_by_parent on forum_items (parent_id, created_at) where parent_id is not null;
create index forum_items_by_payment on forum_items (paid_at) where paid_at is not null;
create index forum_items_by_territory on forum_items (territory, paid_at) where territory is not null;
create index forum_items_by_url on forum_items (url) where url is not null;

-- All items above a comment; level 1 is its parent.
create table forum_ancestors (
    item_id text not null,
    ancestor_id text not null,
    level integer not null check (level > 0),
    primary key (item_id, ancestor_id)
);
create index forum_ancestors_by_ancestor on forum_ancestors (ancestor_id, item_id);

-- Who gets a part of what an item earns.
create table forum_forwards (
    item_id text not null,
    actor text not null,
    percent integer not null check (percent between 1 and 100),
    primary key (item_id, actor)
);
