-- name: create
create table {table} (
    item_id text not null,
    actor text not null,
    zapped_msats bigint not null check (zapped_msats >= 0),
    downzapped_msats bigint not null check (downzapped_msats >= 0),
    primary key (item_id, actor)
);

-- name: acts
select id, act, item_id, actor, amount_msats from forum_acts
where id in (:actions) and act in ('zap', 'downzap') and actor is not null;

-- name: before
select v.item_id, v.actor, v.zapped_msats, v.downzapped_msats
from forum_acts a join {table} v on v.item_id = a.item_id and v.actor = a.actor
where a.id in (:actions) and a.act in ('zap', 'downzap');

-- name: replace
on conflict (item_id, actor) do update
set zapped_msats = excluded.zapped_msats, downzapped_msats = excluded.downzapped_msats;
