-- name: select_forwards
select actor, percent from forum_forwards where item_id = :id order by percent desc, actor;

-- name: insert_act
insert into forum_acts (id, act, item_id, actor, amount_msats, created_at)
values (:id, :act, :item_id, :actor, :amount_msats, :now);

-- name: select_newer_bounty
select newer.id from forum_acts this
join forum_acts newer on newer.actor = this.actor and newer.act = this.act
    and (newer.created_at, newer.id) > (this.created_at, this.id)
join forum_items answer on answer.id = newer.item_id
where this.id = :id and answer.root_id = :post_id
limit 1;
