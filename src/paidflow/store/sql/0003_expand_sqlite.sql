-- What has come in on an account since its balance was last written: whoever pays somebody does not
-- wait for that row. What can be spent is the balance and this, less what the owner owes.
create table paidflow_unswept (
    account text not null,
    currency text not null,
    amount integer not null check (amount > 0),
    source text not null,
    version integer not null,
    line integer not null,
    primary key (account, currency, source, version, line)
);

-- What the owner owes, because money was taken back that was spent already; how often some of it
-- was repaid.
alter table paidflow_accounts
    add column owed integer not null default 0 check (owed >= 0);
alter table paidflow_accounts
    add column repayments integer not null default 0 check (repayments >= 0);

create index paidflow_entries_debit on paidflow_entries (debit, currency, recorded_at);
create index paidflow_entries_credit on paidflow_entries (credit, currency, recorded_at);

-- What is reserved for refunds of an action, or was sent, is never more than gateways have received
-- for it and others have not sent back. What we have paid out to somebody else does not count.
create trigger paidflow_entries_no_over_refund
    after insert on paidflow_entries when new.credit like 'refunding:%'
begin
    select raise(abort, 'paidflow_no_over_refund') where (
        select sum(amount * ((debit like 'clearing:%') - (credit like 'clearing:%')
            + (debit = new.credit) - (credit = new.credit)))
        from paidflow_entries where source = new.source and currency = new.currency and (
            credit = new.credit
            or debit not like 'advanced:%' and debit not in ('fees', 'losses'))
    ) < 0;
end;

-- Three more states: the receiver of a wrapped payment is being paid; money went back; contested.
-- SQLite changes a rule only together with its table. Views of the application stay as they are.
pragma legacy_alter_table = on;

create table paidflow_actions_next (
    action_id text primary key,
    kind text not null,
    actor text,
    state text not null check (state in ('PENDING', 'PENDING_HELD', 'HELD', 'FORWARDING',
        'CAPTURING', 'CANCELLING', 'RETRYING', 'PAID', 'FAILED', 'REFUNDED', 'DISPUTED')),
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
    check (owed is not null or state in ('PAID', 'FAILED', 'REFUNDED', 'DISPUTED')),
    check (performed or state not in ('PENDING', 'FORWARDING', 'CAPTURING', 'PAID', 'REFUNDED',
        'DISPUTED'))
);

insert into paidflow_actions_next select * from paidflow_actions;
drop table paidflow_actions;
alter table paidflow_actions_next rename to paidflow_actions;

create index paidflow_actions_due on paidflow_actions (due_at) where owed is not null;
create index paidflow_actions_actor on paidflow_actions (actor, state, state_since);
create index paidflow_actions_attention on paidflow_actions (state_since)
    where attention is not null;

pragma legacy_alter_table = off;

-- Every payment to somebody else that was ever planned. The destination is what the receiver gave.
-- Each payment id is used once, unless it is certain that it was never sent.
create table paidflow_payments (
    action_id text not null,
    number integer not null check (number > 0),
    gateway text not null,
    payment_id text not null,
    destination text,
    never_sent integer not null default 0,
    primary key (action_id, number)
);

create unique index paidflow_payments_once on paidflow_payments (payment_id) where not never_sent;

-- An invoice of ours is not paid from here, but by the action that passes its payer's money on.
create trigger paidflow_payments_crossed before insert on paidflow_payments
when exists (
    select 1 from paidflow_attempts t
    where (t.gateway, t.invoice_id) = (new.gateway, new.payment_id)
        and t.action_id <> new.action_id
)
begin
    select raise(abort, 'paidflow_payments_crossed');
end;

-- What has failed lately and may be tried again by itself.
create index paidflow_actions_failed on paidflow_actions (state_since) where state = 'FAILED';

insert into paidflow_schema (version, phase) values (3, 'expand');
