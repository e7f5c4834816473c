-- Accounts that somebody spends from. Only the owner's own payments and the sweeper come here, one
-- at a time for each account; what others pay in is inserted beside, see `paidflow_unswept`.

-- Locks the row of an account, and makes one if there is none yet.
create or replace function paidflow_lock_account(of_account text, of_currency text)
returns paidflow_accounts language plpgsql as $$
declare
    held paidflow_accounts%rowtype;
begin
    select * into held from paidflow_accounts
    where account = of_account and currency = of_currency for update;
    if not found then
        insert into paidflow_accounts (account, currency, balance)
        values (of_account, of_currency, 0) on conflict (account, currency) do nothing;
        select * into held from paidflow_accounts
        where account = of_account and currency = of_currency for update;
    end if;
    return held;
end
$$;

-- Locks the purses of several payers, in one order for everybody. One that something has come in on,
-- and that was never spent from, has no row yet.
create or replace function paidflow_lock_purses(accounts text[]) returns void language plpgsql as $$
declare
    purse record;
begin
    for purse in
        select account collate "C" as account, currency collate "C" as currency
        from paidflow_accounts where account = any(accounts)
        union
        select account collate "C", currency collate "C"
        from paidflow_unswept where account = any(accounts) order by 1, 2
    loop
        perform paidflow_lock_account(purse.account, purse.currency);
    end loop;
end
$$;

-- Brings what has come in on an account into its balance, and returns that. What the owner owes is
-- repaid first.
create or replace function paidflow_sweep(of_account text, of_currency text, moment timestamptz)
returns bigint language plpgsql as $$
declare
    held paidflow_accounts%rowtype := paidflow_lock_account(of_account, of_currency);
    incoming bigint;
    repaid bigint;
begin
    with swept as (
        delete from paidflow_unswept
        where account = of_account and currency = of_currency returning amount
    )
    select coalesce(sum(amount), 0) into incoming from swept;
    if incoming = 0 then
        return held.balance;
    end if;
    repaid := least(incoming, held.owed);
    if repaid > 0 then
        insert into paidflow_entries (source, version, line, debit, credit, amount, currency,
            recorded_at)
        values ('repayment:' || of_currency || ':' || of_account, held.repayments + 1, 1,
            of_account, 'receivable:' || of_account, repaid, of_currency, moment);
    end if;
    update paidflow_accounts
    set balance = balance + incoming - repaid, owed = owed - repaid,
        repayments = repayments + (repaid > 0)::integer
    where account = of_account and currency = of_currency;
    return held.balance + incoming - repaid;
end
$$;

-- Takes back what was paid out to an account, as far as it is there; the owner owes the rest. It is
-- one entry or two, and goes to another account.
create or replace function paidflow_recover(
    of_account text, of_currency text, of_amount bigint, to_account text, of_source text,
    of_version bigint, first_line integer, moment timestamptz
) returns void language plpgsql as $$
declare
    there bigint := least(paidflow_sweep(of_account, of_currency, moment), of_amount);
begin
    insert into paidflow_entries (source, version, line, debit, credit, amount, currency,
        recorded_at)
    select of_source, of_version, line, debit, to_account, amount, of_currency, moment
    from (values (first_line, of_account, there),
        (first_line + 1, 'receivable:' || of_account, of_amount - there)) as e(line, debit, amount)
    where amount > 0;
    update paidflow_accounts set balance = balance - there, owed = owed + of_amount - there
    where account = of_account and currency = of_currency;
end
$$;

-- Takes from an account, or breaks the rule that there is no overdraft.
create or replace function paidflow_debit(
    of_account text, of_currency text, of_amount bigint, moment timestamptz
) returns void language plpgsql as $$
begin
    if paidflow_sweep(of_account, of_currency, moment) < of_amount then
        raise integrity_constraint_violation using constraint = 'paidflow_no_overdraft';
    end if;
    update paidflow_accounts set balance = balance - of_amount
    where account = of_account and currency = of_currency;
end
$$;
