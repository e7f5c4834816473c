-- name: lease
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by due_at limit :limit
    for update skip locked
)
returning action_id;

-- name: lock_creation
select pg_advisory_xact_lock(:key);

-- name: select_now
select clock_timestamp() as now;

-- name: select_schema
select to_regclass('paidflow_schema') is not null as present;

-- name: select_action
select * from paidflow_action(:action_id);

-- name: select_action_of_invoice
select * from paidflow_action_of_invoice(:gateway, :invoice_id);

-- name: count_open_invoices
select paidflow_open_invoices(:actor) as total;

-- name: write
select paidflow_write(:steps);

-- name: lock_appends
-- Calls through the eventsourcing library wait for each other, so that the events of one call stay
-- together. The writes of paidflow itself do not take this lock.
select pg_advisory_xact_lock(1885433188, 1);

-- name: publish
select coalesce(max(notification_id), 0) as published from paidflow_events;

-- name: announce
select pg_notify('paidflow_events', '');
