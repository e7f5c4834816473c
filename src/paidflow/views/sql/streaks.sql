-- name: days
-- The days on which a person has spent enough, the last first.
select day from forum_daily_totals
where actor = :actor and day < :day
group by day having sum(spent_msats) >= :least_msats
order by day desc limit :limit;

-- name: actors
-- Who has spent enough on a day.
select actor from forum_daily_totals
where day = :day and actor > :actor
group by actor having sum(spent_msats) >= :least_msats
order by actor limit :limit;
