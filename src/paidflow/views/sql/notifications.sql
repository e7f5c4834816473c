-- name: all
-- What a person is told, the newest first. A comment that mentions the one it answers is told once.
select p.*, p.at > coalesce((select m.seen_at from paidflow_read_marks m where m.actor = :viewer),
    :beginning) and coalesce(p.reason, '') <> 'user_cancelled' as unread
from (
    select * from (
        select n.kind || ':' || n.item_id as id, n.kind, n.item_id,
            cast(null as text) as territory, n.at, n.times, n.amount_msats,
            cast(null as text) as action_id, cast(null as text) as reason
        from forum_notices n join forum_items i on i.id = n.item_id
        where n.actor = :viewer and n.times > 0 and (n.kind <> 'reply' or i.deleted_at is null)
            and (n.at, n.kind || ':' || n.item_id) < (:place, :id) and visible(i.id)
        order by n.at desc, id desc limit :limit
    ) notices
    union all
    select * from (
        select c.kind || ':' || c.item_id as id, c.kind, c.item_id,
            cast(null as text) as territory, c.at, 1 as times, 0 as amount_msats, cast(null as text) as action_id, cast(null as text) as reason
        from forum_calls c join forum_items i on i.id = c.item_id
        where c.actor = :viewer and c.kind <> 'deletion' and c.at <= :now
            and i.deleted_at is null and not exists (select 1 from forum_notices n
                where n.actor = :viewer and n.kind = 'reply' and n.item_id = c.item_id
                    and n.times > 0 and c.kind <> 'reminder')
            and (c.at, c.kind || ':' || c.item_id) < (:place, :id) and visible(i.id)
        order by c.at desc, id desc limit :limit
    ) calls
    union all
    select * from (
        select g.income || ':' || g.id as id, g.income as kind, cast(null as text) as item_id,
            g.territory, g.created_at as at, 1 as times, g.amount_msats,
            cast(null as text) as action_id, cast(null as text) as reason
        from forum_incomes g
        where g.actor = :viewer and (g.created_at, g.income || ':' || g.id) < (:place, :id)
            and visible(g.id)
        order by g.created_at desc, id desc limit :limit
    ) incomes
    union all
    select * from (
        select 'territory:' || e.id as id, 'territory-' || e.change as kind,
            cast(null as text) as item_id, e.name as territory, e.created_at as at, 1 as times,
            0 as amount_msats, cast(null as text) as action_id, cast(null as text) as reason
        from forum_territory_changes e
        where e.change in ('revive', 'transfer') and e.owner <> e.owner_before
            and (e.owner = :viewer and e.change = 'transfer' or e.owner_before = :viewer and
                e.change = 'revive')
            and (e.created_at, 'territory:' || e.id) < (:place, :id) and visible(e.id)
        order by e.created_at desc, id desc limit :limit
    ) given
    union all
    select * from (
        select 'unpaid:' || u.name as id, 'territory-' || u.status as kind,
            cast(null as text) as item_id, u.name as territory, u.paid_until as at, 1 as times,
            0 as amount_msats, cast(null as text) as action_id, cast(null as text) as reason
        from forum_territories u
        where u.owner = :viewer and u.status in ('grace', 'stopped')
            and (u.paid_until, 'unpaid:' || u.name) < (:place, :id)
        order by u.paid_until desc, id desc limit :limit
    ) unpaid
    union all
    select * from (
        select 'failed:' || f.action_id as id, f.kind, coalesce(
                (select a.item_id from forum_acts a
                    where a.id = f.action_id and a.actor = :viewer),
                (select o.id from forum_items o
                    where o.id = f.action_id and o.author = :viewer)) as item_id,
            cast(null as text) as territory, f.state_since as at, 1 as times, f.cost as amount_msats, f.action_id,
            f.failure_reason as reason
        from paidflow_actions f
        where f.actor = :viewer and f.state = 'FAILED' and not tried_again(f)
            and (f.state_since, 'failed:' || f.action_id) < (:place, :id) and visible(f.action_id)
        order by f.state_since desc, id desc limit :limit
    ) failed
) p
order by p.at desc, p.id desc limit :limit;
