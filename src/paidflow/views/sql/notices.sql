-- name: create
create table {table} (
    actor text not null,
    kind text not null,
    item_id text not null,
    at timestamptz not null,
    times bigint not null,
    amount_msats bigint not null,
    primary key (actor, kind, item_id)
);

-- name: create_index
create index {table}_latest on {table} (actor, at);

-- name: acts
select a.id, a.act, a.item_id, i.author
from forum_acts a join forum_items i on i.id = a.item_id where a.id in (:actions);

-- name: answered
-- Who wrote what is above each comment.
select n.item_id, i.author as writer, above.author
from forum_ancestors n
join forum_items i on i.id = n.item_id join forum_items above on above.id = n.ancestor_id
where n.item_id in (:actions) and above.author is not null;

-- name: add
on conflict (actor, kind, item_id) do update set
    at = case when excluded.at > {table}.at then excluded.at else {table}.at end,
    times = {table}.times + excluded.times,
    amount_msats = {table}.amount_msats + excluded.amount_msats;
