-- name: create
create table {table} (
    item_id text primary key,
    paid_at timestamptz,
    zapped_msats bigint not null,
    downzapped_msats bigint not null,
    boosted_msats bigint not null,
    score bigint not null
);

-- name: create_index
create index {table}_hot on {table} (score, item_id);

-- name: posts
select id from forum_items where id in (:actions) and parent_id is null;

-- name: acts
select a.id, a.act, a.item_id, a.amount_msats
from forum_acts a join forum_items i on i.id = a.item_id and i.parent_id is null
where a.id in (:actions) and a.act in ('zap', 'downzap', 'boost');

-- name: replace
on conflict (item_id) do update set paid_at = excluded.paid_at,
    zapped_msats = excluded.zapped_msats, downzapped_msats = excluded.downzapped_msats,
    boosted_msats = excluded.boosted_msats, score = excluded.score;
