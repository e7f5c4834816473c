create table paidflow_schema (
    version integer primary key
);

-- The log. The first five columns are those of the eventsourcing library.
create table paidflow_events (
    notification_id integer primary key autoincrement,
    originator_id text not null,
    originator_version integer not null check (originator_version >= 0),
    topic text not null,
    state blob not null,
    event_id text not null,
    command_id text not null,
    correlation_id text not null,
    recorded_at text not null,
    unique (originator_id, originator_version)
);

create index paidflow_events_command on paidflow_events (command_id);

create trigger paidflow_events_no_update before update on paidflow_events
begin
    select raise(abort, 'paidflow_events is append-only');
end;

-- The events of finished actions, moved away from the log; see docs/archiving.md.
create table paidflow_events_archive (
    notification_id integer primary key,
    originator_id text not null,
    originator_version integer not null,
    topic text not null,
    state blob not null,
    event_id text not null,
    command_id text not null,
    correlation_id text not null,
    recorded_at text not null,
    unique (originator_id, originator_version)
);

create index paidflow_events_archive_command on paidflow_events_archive (command_id);

create trigger paidflow_events_archive_no_update before update on paidflow_events_archive
begin
    select raise(abort, 'paidflow_events_archive is append-only');
end;

create trigger paidflow_events_archive_no_delete before delete on paidflow_events_archive
begin
    select raise(abort, 'paidflow_events_archive is append-only');
end;

-- A row may leave the log only when the very same row is in the archive.
create trigger paidflow_events_only_archived before delete on paidflow_events
when not exists (
    select 1 from paidflow_events_archive kept
    where (kept.notification_id, kept.originator_id, kept.originator_version, kept.topic,
            kept.state, kept.event_id, kept.command_id, kept.correlation_id, kept.recorded_at)
        = (old.notification_id, old.originator_id, old.originator_version, old.topic,
            old.state, old.event_id, old.command_id, old.correlation_id, old.recorded_at)
)
begin
    select raise(abort, 'paidflow_events is append-only');
end;

-- All events, wherever they are.
create view paidflow_log as
    select * from paidflow_events union all select * from paidflow_events_archive;

-- Where each action stands and what it owes: this row is the schedule.
create table paidflow_actions (
    action_id text primary key,
    kind text not null,
    actor text,
    state text not null check (state in ('PENDING', 'PENDING_HELD', 'HELD', 'CAPTURING',
        'CANCELLING', 'RETRYING', 'PAID', 'FAILED')),
    performed integer not null,
    version integer not null check (version > 0),
    cost integer not null check (cost >= 0),
    currency text not null,
    owed text,
    due_at text,
    deadline_at text,
    attention text,
    failure_reason text,
    tries integer not null default 0 check (tries >= 0),
    first_tried_at text,
    leased_until text,
    lease_token text,
    created_at text not null,
    state_since text not null,
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
    erased integer not null default 0
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
    balance integer not null constraint paidflow_no_overdraft check (balance >= 0),
    primary key (account, currency)
);

create table paidflow_entries (
    source text not null,
    version integer not null,
    line integer not null,
    debit text not null,
    credit text not null,
    amount integer not null check (amount > 0),
    currency text not null,
    recorded_at text not null,
    primary key (source, version, line),
    check (debit <> credit)
);

create trigger paidflow_entries_no_update before update on paidflow_entries
begin
    select raise(abort, 'paidflow_entries is append-only');
end;

create trigger paidflow_entries_no_delete before delete on paidflow_entries
begin
    select raise(abort, 'paidflow_entries is append-only');
end;

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
    seen_at text not null
);

-- What programs on the eventsourcing library keep here: aggregates as they once were, and how far
-- each of their views and process applications has got with another application's log.
create table paidflow_snapshots (
    originator_id text not null,
    originator_version integer not null check (originator_version >= 0),
    topic text not null,
    state blob not null,
    primary key (originator_id, originator_version)
);

create table paidflow_tracking (
    tracker text not null,
    application text not null,
    notification_id integer not null check (notification_id >= 0),
    primary key (tracker, application)
);

-- How far each version of a view is folded. A version is built beside the live one.
create table paidflow_projections (
    name text not null,
    version integer not null check (version > 0),
    state text not null check (state in ('building', 'live', 'retired')),
    position integer not null check (position >= 0),
    tries integer not null default 0 check (tries >= 0),
    retry_at text,
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
    position integer not null check (position > 0),
    error_type text,
    parked_at text not null,
    primary key (name, version, action_id, position)
);

-- Who is told of events: how far the log was read for it, how often in a row it did not acknowledge,
-- until when it is left alone, and since when it wants to hear nothing.
create table paidflow_subscribers (
    name text primary key,
    position integer not null check (position >= 0),
    failures integer not null default 0 check (failures >= 0),
    resume_at text,
    gone_at text
);

-- Events that a subscriber has not acknowledged. Of each action only the first is sent.
create table paidflow_deliveries (
    subscriber text not null,
    position integer not null check (position > 0),
    action_id text not null,
    tries integer not null default 0 check (tries >= 0),
    next_try_at text,
    given_up_at text,
    reason text,
    leased_until text,
    lease_token text,
    primary key (subscriber, position),
    check ((next_try_at is null) = (given_up_at is not null)),
    check (tries > 0 or given_up_at is null)
);

create index paidflow_deliveries_action on paidflow_deliveries (subscriber, action_id, position);

insert into paidflow_schema (version) values (1);
