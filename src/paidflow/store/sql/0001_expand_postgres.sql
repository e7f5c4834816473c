create table paidflow_schema (
    version integer primary key
);

-- The log. The first five columns are those of the eventsourcing library.
create table paidflow_events (
    notification_id bigint generated always as identity unique,
    originator_id text not null,
    originator_version bigint not null check (originator_version >= 0),
    topic text not null,
    state bytea not null,
    event_id text not null,
    command_id text not null,
    correlation_id text not null,
    recorded_at timestamptz not null,
    primary key (originator_id, originator_version)
);

create index paidflow_events_command on paidflow_events (command_id);

create function paidflow_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end
$$;

create trigger paidflow_events_append_only
    before update or truncate on paidflow_events
    for each statement execute function paidflow_append_only();

-- The events of finished actions, moved away from the log; see docs/archiving.md.
create table paidflow_events_archive (
    notification_id bigint not null unique,
    originator_id text not null,
    originator_version bigint not null,
    topic text not null,
    state bytea not null,
    event_id text not null,
    command_id text not null,
    correlation_id text not null,
    recorded_at timestamptz not null,
    primary key (originator_id, originator_version)
);

create index paidflow_events_archive_command on paidflow_events_archive (command_id);

create trigger paidflow_events_archive_append_only
    before update or delete or truncate on paidflow_events_archive
    for each statement execute function paidflow_append_only();

-- A row may leave the log only when the very same row is in the archive.
create function paidflow_only_archived() returns trigger language plpgsql as $$
begin
    if exists (
        select from gone left join paidflow_events_archive kept using (notification_id)
        where row(gone.*) is distinct from row(kept.*)
    ) then
        raise exception 'paidflow_events is append-only';
    end if;
    return null;
end
$$;

create trigger paidflow_events_only_archived
    after delete on paidflow_events referencing old table as gone
    for each statement execute function paidflow_only_archived();

-- All events, wherever they are.
create view paidflow_log as
    select * from paidflow_events union all select * from paidflow_events_archive;

-- How far the log may be read; one row. A candidate is a position that waits for transactions.
create table paidflow_sequencer (
    is_only_row boolean primary key default true check (is_only_row),
    published bigint not null default 0 check (published >= 0),
    candidate bigint check (candidate > published),
    waiting_for text[],
    waiting_since timestamptz,
    check (num_nulls(candidate, waiting_for, waiting_since) in (0, 3))
);

insert into paidflow_sequencer default values;

create function paidflow_only_forward() returns trigger language plpgsql as $$
begin
    raise exception '% only goes forward', tg_table_name;
end
$$;

create trigger paidflow_sequencer_only_forward
    before update on paidflow_sequencer
    for each row when (new.published < old.published)
    execute function paidflow_only_forward();

create trigger paidflow_sequencer_stays
    before delete or truncate on paidflow_sequencer
    for each statement execute function paidflow_only_forward();

-- Where each action stands and what it owes: this row is the schedule.
create table paidflow_actions (
    action_id text primary key,
    kind text not null,
    actor text,
    state text not null check (state in ('PENDING', 'PENDING_HELD', 'HELD', 'CAPTURING',
        'CANCELLING', 'RETRYING', 'PAID', 'FAILED')),
    performed boolean not null,
    version bigint not null check (version > 0),
    cost bigint not null check (cost >= 0),
    currency text not null,
    owed text,
    due_at timestamptz,
    deadline_at timestamptz,
    attention text,
    failure_reason text,
    tries integer not null default 0 check (tries >= 0),
    first_tried_at timestamptz,
    leased_until timestamptz,
    lease_token text,
    created_at timestamptz not null,
    state_since timestamptz not null,
    check ((owed is null) = (due_at is null)),
    check (owed is not null or state in ('PAID', 'FAILED')),
    check (performed or state not in ('PENDING', 'CAPTURING', 'PAID'))
);

create index paidflow_actions_due on paidflow_actions (due_at) where owed is not null;
create index paidflow_actions_actor on paidflow_actions (actor, state, state_since);
create index paidflow_actions_attention on paidflow_actions (state_since)
    where attention is not null;

-- One row per invoice ever asked for. The nonce is secret; the payment request is for the payer.
create table paidflow_attempts (
    action_id text not null,
    number integer not null check (number > 0),
    gateway text not null,
    nonce text not null,
    invoice_id text,
    payment_request text,
    primary key (action_id, number),
    unique (gateway, invoice_id)
);

-- The only place with the texts of people; it can be erased without touching the log.
create table paidflow_payloads (
    action_id text primary key,
    arguments text,
    result text,
    error text,
    erased boolean not null default false
);

create table paidflow_requests (
    actor text not null,
    kind text not null,
    key_hash text not null,
    fingerprint text not null,
    action_id text not null,
    primary key (actor, kind, key_hash)
);

create table paidflow_claims (
    claim text primary key,
    action_id text not null
);

create index paidflow_claims_action on paidflow_claims (action_id);

create table paidflow_accounts (
    account text not null,
    currency text not null,
    balance bigint not null constraint paidflow_no_overdraft check (balance >= 0),
    primary key (account, currency)
);

create table paidflow_entries (
    source text not null,
    version bigint not null,
    line integer not null,
    debit text not null,
    credit text not null,
    amount bigint not null check (amount > 0),
    currency text not null,
    recorded_at timestamptz not null,
    primary key (source, version, line),
    check (debit <> credit)
);

create trigger paidflow_entries_append_only
    before update or delete or truncate on paidflow_entries
    for each statement execute function paidflow_append_only();

create table paidflow_cursors (
    gateway text primary key,
    cursor text not null
);

create table paidflow_identity (
    gateway text primary key,
    account text not null
);

create table paidflow_read_marks (
    actor text primary key,
    seen_at timestamptz not null
);

-- What programs on the eventsourcing library keep here: aggregates as they once were, and how far
-- each of their views and process applications has got with another application's log.
create table paidflow_snapshots (
    originator_id text not null,
    originator_version bigint not null check (originator_version >= 0),
    topic text not null,
    state bytea not null,
    primary key (originator_id, originator_version)
);

create table paidflow_tracking (
    tracker text not null,
    application text not null,
    notification_id bigint not null check (notification_id >= 0),
    primary key (tracker, application)
);

-- How far each version of a view is folded. A version is built beside the live one.
create table paidflow_projections (
    name text not null,
    version integer not null check (version > 0),
    state text not null check (state in ('building', 'live', 'retired')),
    position bigint not null check (position >= 0),
    tries integer not null default 0 check (tries >= 0),
    retry_at timestamptz,
    primary key (name, version),
    check ((tries = 0) = (retry_at is null))
);

create unique index paidflow_projections_live on paidflow_projections (name)
    where state = 'live';

-- Events that a view could not fold (with the error's type), and those of their actions behind them.
create table paidflow_parked (
    name text not null,
    version integer not null,
    action_id text not null,
    position bigint not null check (position > 0),
    error_type text,
    parked_at timestamptz not null,
    primary key (name, version, action_id, position)
);

-- Who is told of events: how far the log was read for it, how often in a row it did not acknowledge,
-- until when it is left alone, and since when it wants to hear nothing.
create table paidflow_subscribers (
    name text primary key,
    position bigint not null check (position >= 0),
    failures integer not null default 0 check (failures >= 0),
    resume_at timestamptz,
    gone_at timestamptz
);

-- Events that a subscriber has not acknowledged. Of each action only the first is sent.
create table paidflow_deliveries (
    subscriber text not null,
    position bigint not null check (position > 0),
    action_id text not null,
    tries integer not null default 0 check (tries >= 0),
    next_try_at timestamptz,
    given_up_at timestamptz,
    reason text,
    leased_until timestamptz,
    lease_token text,
    primary key (subscriber, position),
    check ((next_try_at is null) = (given_up_at is not null)),
    check (tries > 0 or given_up_at is null)
);

create index paidflow_deliveries_action on paidflow_deliveries (subscriber, action_id, position);

insert into paidflow_schema (version) values (1);
