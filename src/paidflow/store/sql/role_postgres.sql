-- Gives the role of an application what paidflow does, and no more: it can append to the log and to
-- the ledger, and change neither. The role must not own the tables.
create or replace function paidflow_grant(application regrole) returns void language plpgsql as $$
declare
    allowed text;
begin
    foreach allowed in array array[
        format('usage on schema %s', (
            select relnamespace::regnamespace from pg_class
            where oid = 'paidflow_events'::regclass)),
        'select on paidflow_schema, paidflow_sequencer, paidflow_events_notification_id_seq,
            paidflow_events_archive, paidflow_log',
        'select, insert on paidflow_events, paidflow_entries, paidflow_requests, paidflow_identity,
            paidflow_snapshots',
        'select, insert, delete on paidflow_claims, paidflow_parked, paidflow_unswept',
        'select, insert, update on paidflow_actions, paidflow_attempts, paidflow_payments,
            paidflow_payloads, paidflow_accounts, paidflow_cursors, paidflow_read_marks, paidflow_tracking,
            paidflow_home, paidflow_gateways',
        'select, insert, update, delete on paidflow_projections, paidflow_subscribers,
            paidflow_deliveries, paidflow_webhooks',
        'execute on function paidflow_publish(), paidflow_archive(timestamptz, bigint),
            paidflow_place()'
    ] loop
        execute format('grant %s to %s', allowed, application);
    end loop;
end
$$;

-- These run with the rights of the owner, so they must not find tables that a caller made.
revoke execute on function paidflow_publish(), paidflow_archive(timestamptz, bigint),
    paidflow_place() from public;

do $$
declare
    path text := format('%I, pg_temp', current_schema());
begin
    execute 'alter function paidflow_publish() set search_path = ' || path;
    execute 'alter function paidflow_archive(timestamptz, bigint) set search_path = ' || path;
    execute 'alter function paidflow_place() set search_path = ' || path;
end
$$;

-- Whoever was given the rights before is given those on what is new.
do $$
declare
    application regrole;
begin
    for application in
        select acl.grantee::regrole from pg_class, aclexplode(relacl) acl
        where pg_class.oid = 'paidflow_events'::regclass and acl.privilege_type = 'INSERT'
            and acl.grantee not in (0, relowner)
    loop
        perform paidflow_grant(application);
    end loop;
end
$$;
