-- name: zaps
-- Who zapped what with how much, of the items that were paid in a time.
select i.id, i.author, a.actor, cast(sum(a.amount_msats) as bigint) as zapped_msats
from forum_items i join forum_acts a on a.item_id = i.id and a.act = 'zap'
where i.paid_at >= :since and i.paid_at < :until and i.author is not null
    and a.actor is not null and a.actor <> i.author and i.deleted_at is null
    and visible(i.id) and visible(a.id)
group by i.id, i.author, a.actor order by i.id, a.actor;

-- name: opinions
-- How many items of whom each person has zapped and downzapped.
select a.actor, i.author,
    count(distinct case when a.act = 'zap' then i.id end) as zapped,
    count(distinct case when a.act = 'downzap' then i.id end) as downzapped
from forum_acts a join forum_items i on i.id = a.item_id
where a.act in ('zap', 'downzap') and a.actor is not null and i.author is not null
    and a.actor <> i.author and visible(i.id) and visible(a.id)
group by a.actor, i.author order by a.actor, i.author;
