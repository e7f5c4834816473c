-- name: upsert_forward
insert into forum_forwards (item_id, actor, percent) values (:item_id, :actor, :percent)
on conflict (item_id, actor) do update set percent = excluded.percent;

-- name: select_forwards
select actor, percent from forum_forwards where item_id = :item_id order by actor;

-- name: delete_forward
delete from forum_forwards where item_id = :item_id and actor = :actor;
