-- The views of a generated forum, from the tables that its actions have written. In such a forum
-- every act is paid, nobody is trusted more than others, and nothing is ever taken back.

-- name: daily_totals
insert into {forum_daily_totals} (actor, day, kind, times, spent_msats, stacked_msats)
select actor, day, kind, sum(times), sum(spent_msats), sum(stacked_msats)
from (
    select actor, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') as day, kind,
        count(*) as times, sum(cost) as spent_msats, 0 as stacked_msats
    from paidflow_actions where state = 'PAID' group by 1, 2, 3
    union all
    select substr(e.credit, length('purse:') + 1), to_char(e.recorded_at at time zone 'UTC',
        'YYYY-MM-DD'), s.kind, 0, 0, sum(e.amount)
    from paidflow_entries e join paidflow_actions s on s.action_id = e.source
    where e.credit like 'purse:%' group by 1, 2, 3
) sums
group by 1, 2, 3;

-- name: item_votes
insert into {forum_item_votes} (item_id, actor, zapped_msats, downzapped_msats)
select item_id, actor, coalesce(sum(amount_msats) filter (where act = 'zap'), 0),
    coalesce(sum(amount_msats) filter (where act = 'downzap'), 0)
from forum_acts where act in ('zap', 'downzap') group by item_id, actor;

-- name: item_totals
with acts as (
    select item_id,
        coalesce(sum(amount_msats) filter (where act = 'zap'), 0) as zapped_msats,
        coalesce(sum(amount_msats) filter (where act = 'downzap'), 0) as downzapped_msats,
        coalesce(sum(amount_msats) filter (where act = 'boost'), 0) as boosted_msats,
        max(created_at) filter (where act = 'zap') as last_zap_at
    from forum_acts group by item_id
), votes as (
    select item_id, count(*) filter (where zapped_msats > 0) as zappers,
        sum(round(1000000 * log(greatest(zapped_msats / 1000, 1)::double precision)))
            as votes_millionths,
        sum(round(1000000 * log(greatest(downzapped_msats / 1000, 1)::double precision)))
            as downvotes_millionths
    from {forum_item_votes} group by item_id
), answers as (
    select n.ancestor_id as item_id, count(*) as comments,
        1000000 * count(*) filter (where c.author <> i.author) as comment_trust_millionths,
        sum(coalesce(a.zapped_msats, 0)) as comments_zapped_msats,
        max(c.created_at) as last_comment_at
    from forum_ancestors n
    join forum_items c on c.id = n.item_id and c.live join forum_items i on i.id = n.ancestor_id
    left join acts a on a.item_id = c.id
    group by n.ancestor_id
)
insert into {forum_item_totals} (item_id, comments, comment_trust_millionths,
    comments_zapped_msats, zappers, zapped_msats, downzapped_msats, boosted_msats,
    votes_millionths, downvotes_millionths, last_zap_at, last_comment_at)
select item_id, coalesce(comments, 0), coalesce(comment_trust_millionths, 0),
    coalesce(comments_zapped_msats, 0), coalesce(zappers, 0), coalesce(zapped_msats, 0),
    coalesce(downzapped_msats, 0), coalesce(boosted_msats, 0), coalesce(votes_millionths, 0),
    coalesce(downvotes_millionths, 0), last_zap_at, last_comment_at
from acts full join votes using (item_id) full join answers using (item_id);

-- name: notices
insert into {forum_notices} (actor, kind, item_id, at, times, amount_msats)
select above.author, 'reply', c.id, max(c.paid_at), 1, 0
from forum_items c join forum_ancestors n on n.item_id = c.id
join forum_items above on above.id = n.ancestor_id
where c.live and above.author <> c.author
group by above.author, c.id
union all
select i.author, a.act, a.item_id, max(e.recorded_at), count(*), sum(e.amount)
from forum_acts a join forum_items i on i.id = a.item_id
join paidflow_entries e on e.source = a.id and e.credit = 'purse:' || i.author
group by i.author, a.act, a.item_id;

-- name: ranks
insert into {forum_ranks} (item_id, paid_at, zapped_msats, downzapped_msats, boosted_msats, score)
select id, paid_at, zapped_msats, downzapped_msats, boosted_msats, round(
    extract(epoch from paid_at)::double precision + 3600 * 12 * (
        log((1 + (zapped_msats + boosted_msats) / 1000)::double precision)
        - log((1 + downzapped_msats / 1000)::double precision)))
from (
    select i.id, i.paid_at, coalesce(t.zapped_msats, 0) as zapped_msats,
        coalesce(t.downzapped_msats, 0) as downzapped_msats,
        coalesce(t.boosted_msats, 0) as boosted_msats
    from forum_items i left join {forum_item_totals} t on t.item_id = i.id
    where i.parent_id is null and i.live
) posts;

-- name: go_on
update paidflow_projections set position = %(position)s;
