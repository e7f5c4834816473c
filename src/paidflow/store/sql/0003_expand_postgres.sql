-- What has come in on an account since its balance was last written: whoever pays somebody does not
-- wait for that row. What can be spent is the balance and this, less what the owner owes.
create table paidflow_unswept (
    account text not null,
    currency text not null,
    amount bigint not null check (amount > 0),
    source text not null,
    version bigint not null,
    line integer not null,
    primary key (account, currency, source, version, line)
);

-- What the owner owes, because money was taken back that was spent already; how often some of it
-- was repaid.
alter table paidflow_accounts
    add column owed bigint not null default 0 check (owed >= 0),
    add column repayments bigint not null default 0 check (repayments >= 0);

create index paidflow_entries_debit on paidflow_entries (debit, currency, recorded_at);
create index paidflow_entries_credit on paidflow_entries (credit, currency, recorded_at);

-- What is reserved for refunds of an action, or was sent, is never more than gateways have received
-- for it and others have not sent back. What we have paid out to somebody else does not count. The
-- lock makes two reservations at the same moment wait for each other.
create function paidflow_no_over_refund() returns trigger language plpgsql as $$
begin
    perform from paidflow_actions where action_id = new.source for update;
    if (
        select sum(amount * ((debit like 'clearing:%')::integer - (credit like 'clearing:%')::integer
            + (debit = new.credit)::integer - (credit = new.credit)::integer))
        from paidflow_entries where source = new.source and currency = new.currency and (
            credit = new.credit
            or debit not like 'advanced:%' and debit not in ('fees', 'losses'))
    ) < 0 then
        raise integrity_constraint_violation using constraint = 'paidflow_no_over_refund';
    end if;
    return null;
end
$$;

create trigger paidflow_entries_no_over_refund
    after insert on paidflow_entries
    for each row when (new.credit like 'refunding:%')
    execute function paidflow_no_over_refund();

-- Three more states: the receiver of a wrapped payment is being paid; money went back; contested.
alter table paidflow_actions
    drop constraint paidflow_actions_state_check,
    drop constraint paidflow_actions_check1,
    drop constraint paidflow_actions_check2,
    add constraint paidflow_actions_state_check check (state in ('PENDING', 'PENDING_HELD',
        'HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING', 'RETRYING', 'PAID', 'FAILED', 'REFUNDED',
        'DISPUTED')) not valid,
    add constraint paidflow_actions_owes check (owed is not null
        or state in ('PAID', 'FAILED', 'REFUNDED', 'DISPUTED')) not valid,
    add constraint paidflow_actions_performed check (performed or state not in ('PENDING',
        'FORWARDING', 'CAPTURING', 'PAID', 'REFUNDED', 'DISPUTED')) not valid;
alter table paidflow_actions validate constraint paidflow_actions_state_check;
alter table paidflow_actions validate constraint paidflow_actions_owes;
alter table paidflow_actions validate constraint paidflow_actions_performed;

-- Every payment to somebody else that was ever planned. The destination is what the receiver gave.
-- Each payment id is used once, unless it is certain that it was never sent.
create table paidflow_payments (
    action_id text not null,
    number integer not null check (number > 0),
    gateway text not null,
    payment_id text not null,
    destination text,
    never_sent boolean not null default false,
    primary key (action_id, number)
);

create unique index paidflow_payments_once on paidflow_payments (payment_id) where not never_sent;

-- An invoice of ours is not paid from here, but by the action that passes its payer's money on.
create function paidflow_refuse_crossed() returns trigger language plpgsql as $$
begin
    if exists (
        select from paidflow_attempts t
        where t.gateway = new.gateway and t.invoice_id = new.payment_id
            and t.action_id <> new.action_id
    ) then
        raise integrity_constraint_violation using constraint = 'paidflow_payments_crossed';
    end if;
    return new;
end
$$;

create trigger paidflow_payments_crossed before insert on paidflow_payments
    for each row execute function paidflow_refuse_crossed();

-- What has failed lately and may be tried again by itself.
create index paidflow_actions_failed on paidflow_actions (state_since) where state = 'FAILED';

insert into paidflow_schema (version, phase) values (3, 'expand');
