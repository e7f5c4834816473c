-- name: days
select day, kind, cast(sum(times) as bigint) as times, count(distinct actor) as people,
    cast(sum(spent_msats) as bigint) as spent_msats,
    cast(sum(stacked_msats) as bigint) as stacked_msats
from forum_daily_totals where day >= :since and day <= :until
group by day, kind order by day, kind;

-- name: days_of
select day, kind, times, 1 as people, spent_msats, stacked_msats
from forum_daily_totals where actor = :actor and day >= :since and day <= :until
order by day, kind;
