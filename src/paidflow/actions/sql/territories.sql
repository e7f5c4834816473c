-- name: select_territory
select name, version, paid_by, owner, description, base_cost_msats, reply_cost_msats, post_kinds,
    free_posts, rewards_percent, billing, billing_cost_msats, auto_renew, status, billed_at,
    paid_until, created_at
from forum_territories where lower(name) = lower(:name);

-- name: select_due
select name from forum_territories
where status <> 'stopped' and paid_until <= :now and name > :name
order by name limit :limit;

-- name: insert_change
insert into forum_territory_changes (id, change, name, version, owner, owner_before, description,
    base_cost_msats, reply_cost_msats, post_kinds, free_posts, rewards_percent, billing,
    billing_cost_msats, auto_renew, billed_at, paid_until, cost_msats, created_at)
values (:id, :change, :name, :version, :owner, :owner_before, :description, :base_cost_msats,
    :reply_cost_msats, :post_kinds, :free_posts, :rewards_percent, :billing, :billing_cost_msats,
    :auto_renew, :billed_at, :paid_until, :cost_msats, :now)
on conflict do nothing;

-- name: delete_change
delete from forum_territory_changes where id = :id;

-- name: apply_change
-- The territory as the change has left it; nothing if it was applied before.
insert into forum_territories (name, version, paid_by, owner, description, base_cost_msats,
    reply_cost_msats, post_kinds, free_posts, rewards_percent, billing, billing_cost_msats,
    auto_renew, status, billed_at, paid_until, created_at)
select name, version, case when cost_msats > 0 then id end, owner, description, base_cost_msats,
    reply_cost_msats, post_kinds, free_posts, rewards_percent, billing, billing_cost_msats,
    auto_renew, case when paid_until <= :now then 'grace' else 'active' end, billed_at, paid_until, created_at
from forum_territory_changes where id = :id
on conflict (name) do update set version = excluded.version,
    paid_by = coalesce(excluded.paid_by, forum_territories.paid_by), owner = excluded.owner,
    description = excluded.description, base_cost_msats = excluded.base_cost_msats,
    reply_cost_msats = excluded.reply_cost_msats, post_kinds = excluded.post_kinds,
    free_posts = excluded.free_posts, rewards_percent = excluded.rewards_percent,
    billing = excluded.billing, billing_cost_msats = excluded.billing_cost_msats,
    auto_renew = excluded.auto_renew, status = excluded.status, billed_at = excluded.billed_at,
    paid_until = excluded.paid_until
where forum_territories.version < excluded.version;

-- name: stop_unpaid
-- The payment that the territory lives on went back.
update forum_territories set status = 'stopped' where paid_by = :id;

-- name: set_status
update forum_territories set status = :status
where name = :name and version = :version and status <> 'stopped' and status <> :status;

-- name: resume
update forum_territories set status = case when paid_until <= :now then 'grace' else 'active' end
where paid_by = :id;

-- name: select_going
select name, owner from forum_territories where status <> 'stopped' and name > :name
order by name limit :limit;
