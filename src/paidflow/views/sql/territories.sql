-- name: counted
-- Territories with what is in them. A post can move, so it is counted where it is now, and with what
-- was given for it and for the comments below it.
select t.name, t.owner, t.description, t.base_cost_msats, t.reply_cost_msats, t.post_kinds,
    t.free_posts, t.rewards_percent, t.billing, t.billing_cost_msats, t.auto_renew, t.version,
    t.status, t.paid_until,
    count(i.id) as posts,
    cast(coalesce(sum(s.zapped_msats + s.comments_zapped_msats), 0) as bigint) as stacked_msats
from forum_territories t
left join forum_items i on i.territory = t.name and i.parent_id is null and i.deleted_at is null
    and visible(i.id)
left join forum_item_totals s on s.item_id = i.id
group by t.name;

-- name: one
select c.*, 0 as place from ({counted}) c where lower(c.name) = lower(:name);

-- name: by_name
select c.*, 0 as place from ({counted}) c where c.status <> 'stopped' and c.name > :after
order by c.name limit :limit;

-- name: by_posts
select c.*, c.posts as place from ({counted}) c
where c.status <> 'stopped' and (c.posts, c.name) < (:place, :id)
order by c.posts desc, c.name desc limit :limit;

-- name: by_stacked
select c.*, c.stacked_msats as place from ({counted}) c
where c.status <> 'stopped' and (c.stacked_msats, c.name) < (:place, :id)
order by c.stacked_msats desc, c.name desc limit :limit;
