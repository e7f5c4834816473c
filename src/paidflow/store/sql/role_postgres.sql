-- Gives the role of an application what paidflow does, and no more: it can append to the log and to
-- the ledger, and change neither. The role must not own the tables.
create function paidflow_grant(application regrole) returns void language plpgsql as $$
declare
    allowed text;
begin
    foreach allowed in array array[
        format('usage on schema %I', current_schema()),
        'select on paidflow_schema, paidflow_sequencer, paidflow_events_notification_id_seq,
            paidflow_events_archive, paidflow_log',
        'select, insert on paidflow_events, paidflow_entries, paidflow_requests, paidflow_identity,
            paidflow_snapshots',
        'select, insert, delete on paidflow_claims, paidflow_parked',
        'select, insert, update on paidflow_actions, paidflow_attempts, paidflow_payloads,
            paidflow_accounts, paidflow_cursors, paidflow_read_marks, paidflow_tracking',
        'select, insert, update, delete on paidflow_projections',
        'execute on function paidflow_publish(), paidflow_archive(timestamptz, bigint)'
    ] loop
        execute format('grant %s to %s', allowed, application);
    end loop;
end
$$;

-- These run with the rights of the owner, so they must not find tables that a caller made.
revoke execute on function paidflow_publish(), paidflow_archive(timestamptz, bigint) from public;

do $$
declare
    path text := format('%I, pg_temp', current_schema());
begin
    execute 'alter function paidflow_publish() set search_path = ' || path;
    execute 'alter function paidflow_archive(timestamptz, bigint) set search_path = ' || path;
end
$$;
