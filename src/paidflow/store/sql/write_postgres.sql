-- Writes steps of actions: everything that must be true at the same moment, in one call. The
-- argument is an object of lists of rows; `store/postgres_write.py` makes it. A rule that is
-- broken raises an integrity error which names the table or the constraint.
--
-- The settings make sure that an update finds its row by the primary key, also when the plan was
-- made while the table was empty.
create or replace function paidflow_write(steps jsonb) returns void language plpgsql
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
    moment timestamptz := steps ->> 'now';
    changed bigint;
    spent record;
begin
    insert into paidflow_events (originator_id, originator_version, topic, state, event_id,
        command_id, correlation_id, recorded_at)
    select action_id, version, topic, convert_to(state, 'UTF8'), event_id, command_id,
        correlation_id, moment
    from jsonb_to_recordset(steps -> 'events') as e(action_id text, version bigint, topic text,
        state text, event_id text, command_id text, correlation_id text);

    if steps ? 'released' then
        delete from paidflow_claims where action_id in (
            select jsonb_array_elements_text(steps -> 'released'));
    end if;
    if steps ? 'claims' then
        insert into paidflow_claims (claim, action_id)
        select claim, action_id
        from jsonb_to_recordset(steps -> 'claims') as c(claim text, action_id text);
    end if;

    if steps ? 'requested' then
        with requested as materialized (
            select * from jsonb_to_recordset(steps -> 'requested') as s(action_id text, kind text,
                actor text, state text, performed boolean, version bigint, cost bigint,
                currency text, owed text, due_at timestamptz, deadline_at timestamptz,
                deadline_height bigint, attention text, failure_reason text, arguments text)
        ), payloads as (
            insert into paidflow_payloads (action_id, arguments)
            select action_id, arguments from requested
        )
        insert into paidflow_actions (action_id, kind, actor, state, performed, version, cost,
            currency, owed, due_at, deadline_at, deadline_height, attention, failure_reason,
            created_at, state_since)
        select action_id, kind, actor, state, performed, version, cost, currency, owed, due_at,
            deadline_at, deadline_height, attention, failure_reason, moment, moment
        from requested;
    end if;
    if steps ? 'limited' then
        if exists (
            select from jsonb_to_recordset(steps -> 'limited') as l(actor text, most bigint)
            where paidflow_open_invoices(l.actor) > l.most
        ) then
            raise integrity_constraint_violation using constraint = 'paidflow_open_invoices';
        end if;
    end if;
    if steps ? 'moved' then
        update paidflow_actions a
        set state_since = case when a.state = s.state then a.state_since else moment end,
            first_tried_at = case when a.state = s.state then a.first_tried_at end,
            tries = case when a.state = s.state and a.owed = s.owed then a.tries else 0 end,
            state = s.state, performed = s.performed, version = s.version, owed = s.owed,
            due_at = s.due_at, deadline_at = s.deadline_at, deadline_height = s.deadline_height,
            attention = s.attention, failure_reason = s.failure_reason
        from jsonb_to_recordset(steps -> 'moved') as s(action_id text, before bigint, state text,
            performed boolean, version bigint, owed text, due_at timestamptz,
            deadline_at timestamptz, deadline_height bigint, attention text, failure_reason text)
        where a.action_id = s.action_id and a.version = s.before;
        get diagnostics changed = row_count;
        if changed <> jsonb_array_length(steps -> 'moved') then
            raise integrity_constraint_violation using constraint = 'paidflow_actions_version';
        end if;
    end if;

    if steps ? 'requests' then
        insert into paidflow_requests (actor, kind, key_hash, fingerprint, action_id)
        select actor, kind, key_hash, fingerprint, action_id
        from jsonb_to_recordset(steps -> 'requests')
            as r(actor text, kind text, key_hash text, fingerprint text, action_id text);
    end if;
    if steps ? 'attempts' then
        insert into paidflow_attempts (action_id, number, gateway, nonce, invoice_id,
            payment_request)
        select action_id, number, gateway, nonce, invoice_id, payment_request
        from jsonb_to_recordset(steps -> 'attempts') as t(action_id text, number integer,
            gateway text, nonce text, invoice_id text, payment_request text);
    end if;
    if steps ? 'attached' then
        update paidflow_attempts t
        set invoice_id = n.invoice_id, payment_request = n.payment_request
        from jsonb_to_recordset(steps -> 'attached')
            as n(action_id text, number integer, invoice_id text, payment_request text)
        where t.action_id = n.action_id and t.number = n.number and t.invoice_id is null;
    end if;
    if steps ? 'unsent' then
        update paidflow_payments p set never_sent = true
        from jsonb_to_recordset(steps -> 'unsent') as n(action_id text, number integer)
        where p.action_id = n.action_id and p.number = n.number;
    end if;
    if steps ? 'payments' then
        insert into paidflow_payments (action_id, number, gateway, payment_id, destination)
        select action_id, number, gateway, payment_id, destination
        from jsonb_to_recordset(steps -> 'payments') as n(action_id text, number integer,
            gateway text, payment_id text, destination text);
    end if;
    if steps ? 'errors' then
        update paidflow_payloads p set error = n.error
        from jsonb_to_recordset(steps -> 'errors') as n(action_id text, error text)
        where p.action_id = n.action_id and not p.erased;
    end if;

    if steps ? 'entries' then
        insert into paidflow_entries (source, version, line, debit, credit, amount, currency,
            recorded_at)
        select source, version, line, debit, credit, amount, currency, moment
        from jsonb_to_recordset(steps -> 'entries') as n(source text, version bigint,
            line integer, debit text, credit text, amount bigint, currency text);
    end if;
    -- Debits in one order for everybody: whoever pays from two purses locks them one by one. What
    -- is taken back from those who were paid goes to another account, `credit`.
    if steps ? 'debits' then
        for spent in
            select account, currency, amount, credit, source, version, line
            from jsonb_to_recordset(steps -> 'debits') as d(account text, currency text,
                amount bigint, credit text, source text, version bigint, line integer)
            order by account collate "C", currency collate "C", credit nulls first
        loop
            if spent.credit is null then
                perform paidflow_debit(spent.account, spent.currency, spent.amount, moment);
            else
                perform paidflow_recover(spent.account, spent.currency, spent.amount,
                    spent.credit, spent.source, spent.version, spent.line, moment);
            end if;
        end loop;
    end if;
    if steps ? 'incoming' then
        insert into paidflow_unswept (account, currency, amount, source, version, line)
        select account, currency, amount, source, version, line
        from jsonb_to_recordset(steps -> 'incoming') as i(account text, currency text,
            amount bigint, source text, version bigint, line integer);
    end if;
    if steps ? 'credits' then -- from a program of version 2, which may still run beside this one
        insert into paidflow_accounts (account, currency, balance)
        select account, currency, amount
        from jsonb_to_recordset(steps -> 'credits') as c(account text, currency text, amount bigint)
        on conflict (account, currency)
        do update set balance = paidflow_accounts.balance + excluded.balance;
    end if;
end
$$;
