-- name: insert_subscriber
insert into paidflow_subscribers (name, position) values (:subscriber, :position)
on conflict (name) do nothing;

-- name: select_subscriber
select position, failures, resume_at, gone_at from paidflow_subscribers where name = :subscriber;

-- name: select_subscribers
select s.name, s.position, s.failures, s.resume_at, s.gone_at,
    coalesce((select notification_id from paidflow_log order by notification_id desc limit 1), 0)
        - s.position as behind,
    (select count(*) from paidflow_deliveries d where d.subscriber = s.name) as waiting,
    (select count(*) from paidflow_deliveries d
        where d.subscriber = s.name and d.given_up_at is not null) as given_up
from paidflow_subscribers s order by s.name;

-- name: read_on
update paidflow_subscribers set position = :upto
where name = :subscriber and position = :after;

-- name: select_leased
select d.position, d.tries, e.event_id, e.originator_id as action_id,
    e.originator_version as sequence, e.topic, e.state, e.recorded_at, a.kind, a.actor
from paidflow_deliveries d
join paidflow_log e on e.notification_id = d.position
join paidflow_actions a on a.action_id = d.action_id
where d.subscriber = :subscriber and d.lease_token = :token
order by d.position limit :limit;

-- name: release_deliveries
update paidflow_deliveries set leased_until = null, lease_token = null
where subscriber = :subscriber and lease_token = :token;

-- name: delete_delivery
delete from paidflow_deliveries where subscriber = :subscriber and position = :position;

-- name: postpone_delivery
update paidflow_deliveries
set tries = tries + 1, next_try_at = :next_try_at, given_up_at = :given_up_at, reason = :reason
where subscriber = :subscriber and position = :position and tries = :tries;

-- name: forget_failures
update paidflow_subscribers set failures = 0, resume_at = null
where name = :subscriber and failures > 0;

-- name: count_failure
update paidflow_subscribers set failures = failures + 1
where name = :subscriber returning failures;

-- name: pause_subscriber
update paidflow_subscribers set resume_at = :resume_at
where name = :subscriber and failures = :failures;

-- name: mark_gone
update paidflow_subscribers set gone_at = :now where name = :subscriber and gone_at is null;

-- name: resume_subscriber
update paidflow_subscribers set failures = 0, resume_at = null, gone_at = null
where name = :subscriber;

-- name: select_undelivered
select d.subscriber, d.position, d.action_id, d.tries, d.next_try_at, d.given_up_at, d.reason,
    e.event_id, e.topic
from paidflow_deliveries d join paidflow_log e on e.notification_id = d.position
order by d.given_up_at is null, d.subscriber, d.position limit :limit;

-- name: requeue_all
update paidflow_deliveries set tries = 0, next_try_at = :now, given_up_at = null
where subscriber = :subscriber and given_up_at is not null;

-- name: requeue_action
update paidflow_deliveries set tries = 0, next_try_at = :now, given_up_at = null
where subscriber = :subscriber and action_id = :action_id and given_up_at is not null;

-- name: drop_given_up
delete from paidflow_deliveries
where subscriber = :subscriber and action_id = :action_id and given_up_at is not null;

-- name: delete_deliveries
delete from paidflow_deliveries where subscriber = :subscriber;

-- name: delete_subscriber
delete from paidflow_subscribers where name = :subscriber;
