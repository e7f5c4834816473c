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

-- name: lock_log
lock table paidflow_events in exclusive mode;

-- name: lock_creation
select pg_advisory_xact_lock(:key);

-- name: select_now
select clock_timestamp() as now;

-- name: select_schema
select to_regclass('paidflow_schema') is not null as present;

-- name: select_action
-- An action in one row: its texts, and its events as lines of topic, space and state.
select p.action_id, p.arguments, p.result, p.error, p.erased, (
    select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
        order by e.originator_version)
    from paidflow_events e where e.originator_id = p.action_id
) as events
from paidflow_payloads p where p.action_id = :action_id;

-- name: select_action_of_invoice
select p.action_id, p.arguments, p.result, p.error, p.erased, (
    select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
        order by e.originator_version)
    from paidflow_events e where e.originator_id = t.action_id
) as events
from paidflow_attempts t join paidflow_payloads p using (action_id)
where t.gateway = :gateway and t.invoice_id = :invoice_id;

-- name: write
select paidflow_write(:steps);
