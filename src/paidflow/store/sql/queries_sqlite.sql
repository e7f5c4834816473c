-- name: select_schema
select count(*) > 0 as present from sqlite_master where name = 'paidflow_schema';

-- name: select_table
select 1 from sqlite_master where name = :table;

-- name: lock_migration
-- Writers take turns already.
select 1;

-- name: limit_migration_wait
select 1;

-- name: select_functions
-- There are none.
select null as functions;

-- name: select_action
-- An action in one row: its texts, and its events as lines of topic, space and state.
select p.action_id, p.arguments, p.result, p.error, p.erased, coalesce((
    select group_concat(line, char(10)) from (
        select originator_version as version, topic || ' ' || cast(state as text) as line
        from paidflow_events where originator_id = p.action_id order by originator_version)
    having min(version) = 1
), (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_log
        where originator_id = p.action_id order by originator_version)
)) as events
from paidflow_payloads p where p.action_id = :action_id;

-- name: select_action_of_invoice
select p.action_id, p.arguments, p.result, p.error, p.erased, coalesce((
    select group_concat(line, char(10)) from (
        select originator_version as version, topic || ' ' || cast(state as text) as line
        from paidflow_events where originator_id = p.action_id order by originator_version)
    having min(version) = 1
), (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_log
        where originator_id = p.action_id order by originator_version)
)) as events
from paidflow_attempts t join paidflow_payloads p using (action_id)
where t.gateway = :gateway and t.invoice_id = :invoice_id;

-- name: select_actions_of_invoices
select t.invoice_id, p.action_id, p.arguments, p.result, p.error, p.erased, coalesce((
    select group_concat(line, char(10)) from (
        select originator_version as version, topic || ' ' || cast(state as text) as line
        from paidflow_events where originator_id = p.action_id order by originator_version)
    having min(version) = 1
), (
    select group_concat(line, char(10)) from (
        select topic || ' ' || cast(state as text) as line from paidflow_log
        where originator_id = p.action_id order by originator_version)
)) as events
from paidflow_attempts t join paidflow_payloads p using (action_id)
where t.gateway = :gateway and t.invoice_id in (select value from json_each(:invoice_ids))
order by p.action_id;

-- name: count_open_invoices
select count(*) as total from paidflow_actions
where actor = :actor and state in ('PENDING', 'PENDING_HELD', 'HELD', 'CAPTURING', 'CANCELLING',
    'RETRYING');

-- name: publish
select coalesce(
    (select notification_id from paidflow_log order by notification_id desc limit 1), 0
) as published;

-- name: select_finished
select a.action_id, a.version
from paidflow_events e join paidflow_actions a on a.action_id = e.originator_id
where a.owed is null and a.state_since < :before and e.notification_id = (
    select min(notification_id) from paidflow_events where originator_id = a.action_id)
order by e.notification_id limit :limit;

-- name: copy_to_archive
insert into paidflow_events_archive select * from paidflow_events
where originator_id = :action_id and originator_version <= :version;

-- name: delete_archived
delete from paidflow_events
where originator_id = :action_id and originator_version <= :version;

-- name: select_lag
select 0 as positions, null as waiting_since;

-- name: lock_appends
-- Writers take turns already.
select 1;

-- name: create_payers
create temp table if not exists paidflow_payers (payers text not null, after integer not null);

-- name: select_payers
select payers from temp.paidflow_payers where after = :after;

-- name: delete_payers
delete from temp.paidflow_payers;

-- name: insert_payers
insert into temp.paidflow_payers (payers, after) values (:payers, :after);

-- name: insert_account
insert into paidflow_accounts (account, currency, balance) values (:account, :currency, 0)
on conflict (account, currency) do nothing;

-- name: select_account
select balance, owed, repayments, (
    select coalesce(sum(amount), 0) from paidflow_unswept u
    where u.account = a.account and u.currency = a.currency) as incoming
from paidflow_accounts a where account = :account and currency = :currency;

-- name: delete_unswept
delete from paidflow_unswept where account = :account and currency = :currency;

-- name: update_account
update paidflow_accounts
set balance = :balance, owed = owed - :repaid, repayments = repayments + (:repaid > 0)
where account = :account and currency = :currency;
