-- name: create
create table {table} (
    item_id text not null,
    kind text not null check (kind in ('mention', 'item-mention', 'reminder', 'deletion')),
    actor text not null,
    at timestamptz not null,
    primary key (item_id, kind, actor)
);

-- name: create_index
create index {table}_latest on {table} (actor, at);

-- name: create_index_of_deletions
create index {table}_deletions on {table} (at) where kind = 'deletion';
