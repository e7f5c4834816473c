-- name: lease
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by due_at limit :limit
    for update skip locked
)
returning action_id, null as deadline, due_at;

-- name: lease_held
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING') and deadline_height is null
        and owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by deadline_at, due_at limit :limit
    for update skip locked
)
returning action_id, deadline_at as deadline, due_at;

-- name: lease_held_to_height
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING') and deadline_height is not null
        and owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by deadline_height, due_at limit :limit
    for update skip locked
)
returning action_id, deadline_height as deadline, due_at;

-- name: publish
select paidflow_publish() as published;

-- name: select_log
select notification_id, originator_id, originator_version, topic, state from paidflow_log
where notification_id > :after and notification_id <= :stop
    and notification_id <= (select published from paidflow_sequencer)
order by notification_id limit :limit;

-- name: select_last_position
select max(notification_id) as last from paidflow_log
where notification_id <= (select published from paidflow_sequencer);

-- name: archive
select paidflow_archive(:before, :limit) as moved;

-- name: select_lag
select coalesce(
    (select last_value from paidflow_events_notification_id_seq where is_called), 0
) - published as positions, waiting_since
from paidflow_sequencer;

-- name: lock_migration
select pg_advisory_xact_lock(1885433188);

-- name: limit_migration_wait
-- Who waits for a table keeps everybody else from it, so a migration does not wait for long.
set local lock_timeout = '5s';

-- name: select_functions
select obj_description('paidflow_schema'::regclass, 'pg_class') as functions;

-- name: create_namespace
do $$
begin
    if to_regnamespace('{schema}') is null then
        create schema {schema};
    end if;
end
$$;

-- name: use_namespace
select set_config('search_path', :schema, true);

-- name: select_place
select paidflow_place() as place;

-- name: select_now
select clock_timestamp() as now;

-- name: select_schema
select to_regclass('paidflow_schema') is not null as present;

-- name: select_table
select 1 where to_regclass(:table) is not null;

-- name: select_action
select * from paidflow_action(:action_id);

-- name: select_action_of_invoice
select * from paidflow_action_of_invoice(:gateway, :invoice_id);

-- name: select_actions_of_invoices
select * from paidflow_actions_of_invoices(:gateway, :invoice_ids);

-- name: count_open_invoices
select paidflow_open_invoices(:actor) as total;

-- name: sweep
select paidflow_sweep(:account, :currency, :now) as balance;

-- name: debit
select paidflow_debit(:account, :currency, :amount, :now);

-- name: recover
select paidflow_recover(:account, :currency, :amount, :credit, :source, :version, :line, :now);

-- name: lock_appends
-- Calls through the eventsourcing library wait for each other, so that the events of one call stay
-- together. The writes of paidflow itself do not take this lock.
select pg_advisory_xact_lock(1885433188, 'paidflow_events'::regclass::oid::integer);

-- name: select_joined
select current_setting('transaction_isolation') as isolation,
    to_regclass('paidflow_schema') is not null as present;

-- name: select_payers
select nullif(current_setting('paidflow.payers', true), '') as payers;

-- name: note_payers
-- Until the transaction ends, or is rolled back to a savepoint before.
select set_config('paidflow.payers', :payers, true);

-- name: lock_purses
select paidflow_lock_purses(:accounts);

-- name: protect
select paidflow_protect(cast(:table as regclass), :id_column, cast(:reader as regrole));

-- name: grant_reading
grant select on {table} to {reader};

-- name: read_as
select set_config('role', :reader, true), set_config('paidflow.viewer', :viewer, true);
