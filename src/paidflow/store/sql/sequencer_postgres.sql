-- The virtual transactions that may have appended to the log and are not over, prepared ones too.
create or replace function paidflow_appending() returns text[] language sql volatile as $$
    select coalesce(array_agg(distinct virtualtransaction), '{}') from pg_locks
    where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
        and relation = 'paidflow_events'::regclass
        and database = (select oid from pg_database where datname = current_database())
$$;

-- Those of them that are still appending. A prepared transaction loses its virtual id when the
-- server recovers, so one without ('-1/...') may be any of them.
create or replace function paidflow_still_appending(them text[]) returns text[]
language sql volatile as $$
    select array(
        select id from unnest(paidflow_appending()) id where id = any (them) or id like '-1/%'
    )
$$;

-- One step of the sequencer; returns the last position that may be read.
--
-- An insert holds a row-exclusive lock on the log before it is given a position, and its
-- transaction keeps the lock until others see what it committed. So first the last position is
-- read, and then who holds the lock. When all of these are over, every position up to that one is
-- visible to everybody, or will never be used.
create or replace function paidflow_publish() returns bigint
language plpgsql volatile security definer as $$
declare
    naps_max constant integer := 5;
    nap_s constant double precision := 0.002;
    last bigint;
    naps integer := 0;
    is_planned boolean;
    now_at paidflow_sequencer;
begin
    select * into strict now_at from paidflow_sequencer;
    select coalesce(max(last_value), 0) into last
        from paidflow_events_notification_id_seq where is_called;
    if last < now_at.published then
        raise exception 'the log was published up to %, but positions are handed out from %',
            now_at.published, last;
    end if;
    if last = now_at.published or pg_is_in_recovery() or not pg_try_advisory_xact_lock(
        (x'70616964'::bigint << 32) + 'paidflow_sequencer'::regclass::bigint
    ) then
        return now_at.published;
    end if;
    select * into strict now_at from paidflow_sequencer; -- another may have been here until now
    if last <= now_at.published then
        return now_at.published;
    end if;

    is_planned := now_at.candidate is not null;
    if is_planned then
        now_at.waiting_for := paidflow_still_appending(now_at.waiting_for);
    else
        now_at.candidate := last;
        now_at.waiting_for := paidflow_appending();
    end if;
    while now_at.waiting_for <> '{}' and naps < naps_max loop
        perform pg_sleep(nap_s);
        now_at.waiting_for := paidflow_still_appending(now_at.waiting_for);
        naps := naps + 1;
    end loop;

    -- What was read must not be lost and its position used again.
    perform set_config('synchronous_commit', 'on', true)
        where current_setting('synchronous_commit') = 'off';
    if now_at.waiting_for = '{}' then
        update paidflow_sequencer
            set published = now_at.candidate, candidate = null, waiting_for = null,
                waiting_since = null
            where published = now_at.published;
        perform pg_notify('paidflow_events', ''); -- a hint; who does not hear it asks anyway
        return now_at.candidate;
    end if;
    if not is_planned then
        update paidflow_sequencer
            set candidate = now_at.candidate, waiting_for = now_at.waiting_for,
                waiting_since = clock_timestamp()
            where published = now_at.published;
    end if;
    return now_at.published;
end
$$;
