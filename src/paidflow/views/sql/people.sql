-- name: totals
-- All that counts for a profile; nothing in it stands for a single action.
select
    cast(coalesce(sum(case when kind in (:posts) then times else 0 end), 0) as bigint) as posts,
    cast(coalesce(sum(case when kind = 'comment' then times else 0 end), 0) as bigint) as comments,
    cast(coalesce(sum(spent_msats), 0) as bigint) as spent_msats,
    cast(coalesce(sum(stacked_msats), 0) as bigint) as stacked_msats
from forum_daily_totals where actor = :actor;

-- name: first_item
select coalesce(i.paid_at, i.created_at) as since from forum_items i
where i.author = :author and visible(i.id)
order by coalesce(i.paid_at, i.created_at), i.id limit 1;

-- name: pending
select s.action_id, s.kind, s.state, s.cost, s.currency, s.created_at from paidflow_actions s
where s.actor = :viewer and visible(s.action_id)
    and s.state in ('PENDING', 'PENDING_HELD', 'HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING',
        'RETRYING')
order by s.created_at desc, s.action_id desc limit :limit;

-- name: kinds
select s.action_id, s.kind from paidflow_actions s
where s.action_id in (:ids) and visible(s.action_id);
