-- What is read for every step. These are functions so that the server's session keeps their plans.

-- An action in one row: its texts, and its events as lines of topic, space and state.
create or replace function paidflow_action(wanted text)
returns table (action_id text, arguments text, result text, error text, erased boolean, events text)
language plpgsql stable as $$
begin
    select p.action_id, p.arguments, p.result, p.error, p.erased, (
        select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
            order by e.originator_version)
        from paidflow_events e where e.originator_id = p.action_id
        having min(e.originator_version) = 1)
    into action_id, arguments, result, error, erased, events
    from paidflow_payloads p where p.action_id = wanted;
    if not found then
        return;
    end if;
    if events is null then -- the first event is in the archive
        select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
            order by e.originator_version)
        into events from paidflow_log e where e.originator_id = wanted;
    end if;
    return next;
end
$$;

-- The action that an invoice belongs to, in one statement: this is read for every payment.
create or replace function paidflow_action_of_invoice(of_gateway text, of_invoice text)
returns table (action_id text, arguments text, result text, error text, erased boolean, events text)
language plpgsql stable as $$
begin
    select p.action_id, p.arguments, p.result, p.error, p.erased, (
        select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
            order by e.originator_version)
        from paidflow_events e where e.originator_id = p.action_id
        having min(e.originator_version) = 1)
    into action_id, arguments, result, error, erased, events
    from paidflow_payloads p where p.action_id = (
        select t.action_id from paidflow_attempts t
        where t.gateway = of_gateway and t.invoice_id = of_invoice);
    if events is not null then
        return next;
    elsif found then -- the first event is in the archive
        return query select * from paidflow_action(action_id);
    end if;
end
$$;

-- The actions that invoices belong to, which are given as a list in JSON. The settings make sure
-- that each is found by its key, also when the plan was made while the tables were empty.
create or replace function paidflow_actions_of_invoices(of_gateway text, invoices text)
returns table (invoice_id text, action_id text, arguments text, result text, error text,
    erased boolean, events text)
language plpgsql stable
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
    return query
    select t.invoice_id, p.action_id, p.arguments, p.result, p.error, p.erased, coalesce((
        select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
            order by e.originator_version)
        from paidflow_events e where e.originator_id = t.action_id
        having min(e.originator_version) = 1
    ), (
        select string_agg(e.topic || ' ' || convert_from(e.state, 'UTF8'), chr(10)
            order by e.originator_version)
        from paidflow_log e where e.originator_id = t.action_id
    ))
    from jsonb_array_elements_text(invoices::jsonb) as wanted (invoice)
    join paidflow_attempts t on t.gateway = of_gateway and t.invoice_id = wanted.invoice
    join paidflow_payloads p on p.action_id = t.action_id
    order by p.action_id;
end
$$;

-- How many invoices of an actor are not paid yet.
create or replace function paidflow_open_invoices(of_actor text) returns bigint
language plpgsql stable as $$
begin
    return (
        select count(*) from paidflow_actions where actor = of_actor and state in ('PENDING',
            'PENDING_HELD', 'HELD', 'CAPTURING', 'CANCELLING', 'RETRYING'));
end
$$;
