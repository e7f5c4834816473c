-- name: upsert
insert into forum_auto_withdrawals (actor, destination, threshold_msats, fee_percent)
values (:actor, :destination, :threshold_msats, :fee_percent)
on conflict (actor) do update set destination = excluded.destination,
    threshold_msats = excluded.threshold_msats, fee_percent = excluded.fee_percent,
    resume_at = null;

-- name: delete
delete from forum_auto_withdrawals where actor = :actor;

-- name: select_ready
select actor, destination, threshold_msats, fee_percent from forum_auto_withdrawals
where running_id is null and (resume_at is null or resume_at <= :now) and actor > :actor
order by actor limit :limit;

-- name: begin
-- What is left in the purse was read after its owner was debited, so nothing else takes from it now.
update forum_auto_withdrawals set running_id = :id
where actor = :actor and destination = :destination and running_id is null
    and (resume_at is null or resume_at <= :now) and threshold_msats <= :left_msats;

-- name: end
update forum_auto_withdrawals set running_id = null, resume_at = :resume_at
where actor = :actor and running_id = :id;
