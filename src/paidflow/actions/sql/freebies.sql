-- name: count_freebies
select count(*) as items from forum_freebies where actor = :actor and month = :month;

-- name: insert_freebie
insert into forum_freebies (actor, month, number, item_id)
values (:actor, :month, :number, :item_id) on conflict (actor, month, number) do nothing;
