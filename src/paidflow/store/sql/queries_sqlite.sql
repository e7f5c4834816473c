-- name: select_schema
select count(*) > 0 as present from sqlite_master where name = 'paidflow_schema';

-- name: select_action
-- An action in one row: its texts, and its events as lines of topic, space and state.
select p.action_id, p.arguments, p.result, p.error, p.erased, (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_events
        where originator_id = p.action_id order by originator_version)
) as events
from paidflow_payloads p where p.action_id = :action_id;

-- name: select_action_of_invoice
select p.action_id, p.arguments, p.result, p.error, p.erased, (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_events
        where originator_id = p.action_id order by originator_version)
) as events
from paidflow_attempts t join paidflow_payloads p using (action_id)
where t.gateway = :gateway and t.invoice_id = :invoice_id;

-- name: select_actions_of_invoices
select t.invoice_id, p.action_id, p.arguments, p.result, p.error, p.erased, (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_events
        where originator_id = p.action_id order by originator_version)
) as events
from paidflow_attempts t join paidflow_payloads p using (action_id)
where t.gateway = :gateway and t.invoice_id in (select value from json_each(:invoice_ids))
order by p.action_id;

-- name: count_open_invoices
select count(*) as total from paidflow_actions
where actor = :actor and state in ('PENDING', 'PENDING_HELD', 'HELD', 'CAPTURING', 'CANCELLING',
    'RETRYING');

-- name: publish
select coalesce(max(notification_id), 0) as published from paidflow_events;

-- name: select_lag
select 0 as positions, null as waiting_since;

-- name: lock_appends
-- Writers take turns already.
select 1;
