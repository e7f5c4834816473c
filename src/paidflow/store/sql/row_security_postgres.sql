-- The rule of who sees what, kept by the database itself for a role that only reads: a query that
-- forgets the rule shows too little, and never too much.

-- Whether the viewer of this transaction (the setting paidflow.viewer) sees what an action or a
-- part of one has created.
create or replace function paidflow_visible(thing text) returns boolean
language plpgsql stable security definer as $$
begin
    return coalesce((
        select a.state = 'PAID' or a.actor = nullif(current_setting('paidflow.viewer', true), '')
        from paidflow_actions a
        where a.action_id =
            case substr(thing, 37, 1) when '.' then substr(thing, 1, 36) else thing end
    ), false);
end
$$;

-- What has happened to the actions that the viewer may see, and nothing of what events hold.
create or replace view paidflow_seen_log with (security_barrier) as
select notification_id, originator_id, originator_version, topic from paidflow_log
where paidflow_visible(originator_id);

-- From now on the reader sees only those rows of a table that the viewer may see; nothing changes
-- for any other role.
create or replace function paidflow_protect(protected regclass, id_column name, reader regrole)
returns void language plpgsql as $$
begin
    execute format('alter table %s enable row level security', protected);
    execute format('alter table %s force row level security', protected);
    execute format('drop policy if exists paidflow_seen on %s', protected);
    execute format(
        'create policy paidflow_seen on %s using (current_user <> %L or paidflow_visible(%I))',
        protected, reader::text, id_column);
    execute format('grant select on %s to %s', protected, reader);
end
$$;

do $$
begin
    execute 'alter function paidflow_visible(text) set search_path = '
        || format('%I, pg_temp', current_schema());
end
$$;
