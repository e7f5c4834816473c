-- What gateways have sent to us: one row for each message and each invoice that it names, kept as it
-- came. Nothing in it is believed. An empty invoice_id says that nobody could read the message yet.
create table paidflow_webhooks (
    gateway text not null,
    invoice_id text not null,
    digest text not null,
    headers text not null,
    body bytea not null,
    times bigint not null default 1 check (times > 0),
    received_at timestamptz not null,
    last_received_at timestamptz not null,
    matched boolean not null check (not (matched and invoice_id = '')),
    due_at timestamptz check (due_at is null or matched or invoice_id = ''),
    tries integer not null default 0 check (tries >= 0),
    primary key (gateway, invoice_id, digest)
);

create index paidflow_webhooks_due on paidflow_webhooks (due_at) where due_at is not null;
create index paidflow_webhooks_unmatched on paidflow_webhooks (gateway, invoice_id)
    where not matched;
create index paidflow_webhooks_received on paidflow_webhooks (last_received_at);

-- What operators have said about a gateway, and what the workers last saw of it.
create table paidflow_gateways (
    gateway text primary key,
    maintenance_since timestamptz,
    maintenance_reason text,
    down_since timestamptz,
    down_reason text,
    answered_at timestamptz,
    webhooks_refused bigint not null default 0 check (webhooks_refused >= 0),
    webhook_refused_at timestamptz,
    check ((maintenance_since is null) = (maintenance_reason is null)),
    check ((down_since is null) = (down_reason is null)),
    check ((webhooks_refused = 0) = (webhook_refused_at is null))
);

-- At which height of the chain the money has to be dealt with, where that is no moment. What holds
-- somebody's money is worked on before everything else, in the order of its deadlines.
alter table paidflow_actions add column deadline_height bigint;

create index paidflow_actions_held on paidflow_actions (deadline_at, due_at)
    where owed is not null and state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING')
        and deadline_height is null;
create index paidflow_actions_held_to_height on paidflow_actions (deadline_height, due_at)
    where owed is not null and state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING')
        and deadline_height is not null;

-- The same rules as before. The server reads the text of all rules of a table in every statement that
-- writes to it, and a list in one constant is the shorter text.
alter table paidflow_actions
    drop constraint paidflow_actions_state_check,
    drop constraint paidflow_actions_owes,
    drop constraint paidflow_actions_performed,
    add constraint paidflow_actions_state_check check (state = any ('{PENDING,PENDING_HELD,HELD,
        FORWARDING,CAPTURING,CANCELLING,RETRYING,PAID,FAILED,REFUNDED,DISPUTED}')) not valid,
    add constraint paidflow_actions_owes check (owed is not null
        or state = any ('{PAID,FAILED,REFUNDED,DISPUTED}')) not valid,
    add constraint paidflow_actions_performed check (performed or state <> all ('{PENDING,
        FORWARDING,CAPTURING,PAID,REFUNDED,DISPUTED}')) not valid;
alter table paidflow_actions validate constraint paidflow_actions_state_check;
alter table paidflow_actions validate constraint paidflow_actions_owes;
alter table paidflow_actions validate constraint paidflow_actions_performed;

insert into paidflow_schema (version, phase) values (4, 'expand');
