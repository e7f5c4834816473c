-- name: insert_event
insert into paidflow_events (originator_id, originator_version, topic, state, event_id, command_id,
    correlation_id, recorded_at)
values (:action_id, :version, :topic, :state, :event_id, :command_id, :correlation_id, :now);

-- name: select_history
select originator_version as version, topic, state, recorded_at, correlation_id
from paidflow_log where originator_id = :action_id order by originator_version;

-- name: select_stream
select originator_id, originator_version, topic, state from paidflow_log
where originator_id = :originator_id and originator_version > :gt and originator_version <= :lte
order by originator_version limit :limit;

-- name: select_stream_backwards
select originator_id, originator_version, topic, state from paidflow_log
where originator_id = :originator_id and originator_version > :gt and originator_version <= :lte
order by originator_version desc limit :limit;

-- name: select_is_action
select 1 as found from paidflow_actions where action_id = :originator_id;

-- name: insert_snapshot
insert into paidflow_snapshots (originator_id, originator_version, topic, state)
values (:originator_id, :originator_version, :topic, :state);

-- name: select_snapshots
select originator_id, originator_version, topic, state from paidflow_snapshots
where originator_id = :originator_id and originator_version > :gt and originator_version <= :lte
order by originator_version limit :limit;

-- name: select_snapshots_backwards
select originator_id, originator_version, topic, state from paidflow_snapshots
where originator_id = :originator_id and originator_version > :gt and originator_version <= :lte
order by originator_version desc limit :limit;

-- name: track
insert into paidflow_tracking (tracker, application, notification_id)
values (:tracker, :application, :notification_id)
on conflict (tracker, application) do update set notification_id = :notification_id
where paidflow_tracking.notification_id < :notification_id;

-- name: select_tracked
select notification_id from paidflow_tracking
where tracker = :tracker and application = :application;

-- name: select_log
select notification_id, originator_id, originator_version, topic, state from paidflow_log
where notification_id > :after and notification_id <= :stop
order by notification_id limit :limit;

-- name: select_positions
select notification_id from paidflow_events where command_id = :command_id
order by notification_id;

-- name: select_last_position
select (select notification_id from paidflow_log order by notification_id desc limit 1) as last;

-- name: select_command
select 1 as found from paidflow_log where command_id = :command_id limit 1;

-- name: insert_status
insert into paidflow_actions (action_id, kind, actor, state, performed, version, cost, currency,
    owed, due_at, deadline_at, deadline_height, attention, failure_reason, created_at, state_since)
values (:action_id, :kind, :actor, :state, :performed, :version, :cost, :currency,
    :owed, :due_at, :deadline_at, :deadline_height, :attention, :failure_reason, :now, :now);

-- name: update_status
update paidflow_actions
set state_since = case when state = :state then state_since else :now end,
    first_tried_at = case when state = :state then first_tried_at end,
    tries = case when state = :state and owed = :owed then tries else 0 end,
    state = :state, performed = :performed, version = :version, owed = :owed, due_at = :due_at,
    deadline_at = :deadline_at, deadline_height = :deadline_height, attention = :attention,
    failure_reason = :failure_reason
where action_id = :action_id and version = :before;

-- name: lock_status
update paidflow_actions set version = version where action_id = :action_id and version = :version;

-- name: select_status
select * from paidflow_actions where action_id = :action_id;

-- name: lease
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by due_at limit :limit
)
returning action_id, null as deadline, due_at;

-- name: select_held_due
select 1 as found from paidflow_actions
where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING')
    and owed is not null and owed <> 'person' and due_at <= :now
    and (leased_until is null or leased_until <= :now) limit 1;

-- name: lease_held
-- What holds somebody's money, in the order of its deadlines.
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING') and deadline_height is null
        and owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by deadline_at nulls last, due_at limit :limit
)
returning action_id, deadline_at as deadline, due_at;

-- name: lease_held_to_height
-- The same where the deadline is a height of the chain.
update paidflow_actions set leased_until = :until, lease_token = :token
where action_id in (
    select action_id from paidflow_actions
    where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING') and deadline_height is not null
        and owed is not null and owed <> 'person' and due_at <= :now
        and (leased_until is null or leased_until <= :now)
    order by deadline_height, due_at limit :limit
)
returning action_id, deadline_height as deadline, due_at;

-- name: release
update paidflow_actions set leased_until = null, lease_token = null
where action_id = :action_id and lease_token = :token;

-- name: reschedule
update paidflow_actions
set due_at = :due_at, tries = tries + 1, first_tried_at = coalesce(first_tried_at, :now)
where action_id = :action_id and version = :version and owed is not null;

-- name: end_watch
update paidflow_actions set owed = :owed, due_at = :due_at, tries = 0
where action_id = :action_id and version = :version and owed = 'watch';

-- name: select_attention
select action_id, kind, actor, state, attention, state_since from paidflow_actions
where attention is not null order by state_since limit :limit;

-- name: insert_attempt
insert into paidflow_attempts (action_id, number, gateway, nonce, invoice_id, payment_request)
values (:action_id, :number, :gateway, :nonce, :invoice_id, :payment_request);

-- name: attach_invoice
update paidflow_attempts set invoice_id = :invoice_id, payment_request = :payment_request
where action_id = :action_id and number = :number and invoice_id is null;

-- name: select_attempt
select gateway, nonce, invoice_id, payment_request from paidflow_attempts
where action_id = :action_id and number = :number;

-- name: insert_payment
insert into paidflow_payments (action_id, number, gateway, payment_id, destination)
values (:action_id, :number, :gateway, :payment_id, :destination);

-- name: release_payment
update paidflow_payments set never_sent = (1 = 1) where action_id = :action_id and number = :number;

-- name: select_payment
select gateway, payment_id, destination from paidflow_payments
where action_id = :action_id and number = :number;

-- name: select_payments_in_doubt
select p.action_id, p.gateway, p.payment_id, a.kind, a.actor, a.state_since
from paidflow_payments p join paidflow_actions a on a.action_id = p.action_id
where a.state = 'FORWARDING' and not p.never_sent
    and p.number = (select max(number) from paidflow_payments l where l.action_id = p.action_id)
order by a.state_since, p.action_id limit :limit;

-- name: erase_destinations
update paidflow_payments set destination = null where action_id = :action_id;

-- name: insert_payload
insert into paidflow_payloads (action_id, arguments) values (:action_id, :arguments);

-- name: update_result
update paidflow_payloads set result = :result, error = null
where action_id = :action_id and not erased;

-- name: update_error
update paidflow_payloads set error = :error where action_id = :action_id and not erased;

-- name: erase_payload
update paidflow_payloads set arguments = null, result = null, error = null, erased = true
where action_id = :action_id;

-- name: update_arguments
update paidflow_payloads set arguments = :arguments where action_id = :action_id;

-- name: erase_payment_requests
update paidflow_attempts set payment_request = null where action_id = :action_id;

-- name: select_payload
select arguments, result, error, erased from paidflow_payloads where action_id = :action_id;

-- name: insert_request
insert into paidflow_requests (actor, kind, key_hash, fingerprint, action_id)
values (:actor, :kind, :key_hash, :fingerprint, :action_id);

-- name: select_request
select fingerprint, action_id from paidflow_requests
where actor = :actor and kind = :kind and key_hash = :key_hash;

-- name: insert_claim
insert into paidflow_claims (claim, action_id) values (:claim, :action_id);

-- name: release_claims
delete from paidflow_claims where action_id = :action_id;

-- name: insert_entry
insert into paidflow_entries (source, version, line, debit, credit, amount, currency, recorded_at)
values (:source, :version, :line, :debit, :credit, :amount, :currency, :now)
on conflict (source, version, line) do nothing;

-- name: insert_unswept
insert into paidflow_unswept (account, currency, amount, source, version, line)
values (:account, :currency, :amount, :source, :version, :line);

-- name: select_balance
select balance + case when incoming > owed then incoming - owed else 0 end as balance from (
    select coalesce(max(a.balance), 0) as balance, coalesce(max(a.owed), 0) as owed, (
        select cast(coalesce(sum(u.amount), 0) as bigint) from paidflow_unswept u
        where u.account = :account and u.currency = :currency) as incoming
    from paidflow_accounts a where a.account = :account and a.currency = :currency
) found;

-- name: select_unswept
-- The accounts with the most that has not been swept.
select account, currency, count(*) as entries from paidflow_unswept
group by account, currency order by count(*) desc, account, currency limit :limit;

-- name: select_cursor
select cursor from paidflow_cursors where gateway = :gateway;

-- name: upsert_cursor
insert into paidflow_cursors (gateway, cursor) values (:gateway, :cursor)
on conflict (gateway) do update set cursor = :cursor;

-- name: insert_identity
insert into paidflow_identity (gateway, account) values (:gateway, :account)
on conflict (gateway) do nothing;

-- name: select_identity
select account from paidflow_identity where gateway = :gateway;

-- name: select_failed
-- The failed actions of an actor, or of all: those that will be tried again by themselves, or all
-- others.
select a.action_id, a.kind, a.actor, a.failure_reason, a.state_since,
    a.failure_reason <> 'user_cancelled' and a.state_since > coalesce((select seen_at
        from paidflow_read_marks where actor = :actor), :beginning) as unread
from paidflow_actions a
where a.state = 'FAILED' and (a.actor = :actor or cast(:actor as text) is null)
    and a.state_since > :since and a.state_since <= :until and tried_again(a) = :again
order by a.state_since desc, a.action_id limit :limit;

-- name: count_vain_retry
-- What has failed and owes nothing has no other use for its tries; see `tried_again.sql`.
update paidflow_actions set tries = tries + 1
where action_id = :action_id and state = 'FAILED' and owed is null;

-- name: upsert_read_mark
insert into paidflow_read_marks (actor, seen_at) values (:actor, :now)
on conflict (actor) do update set seen_at = :now;

-- name: sum_pending
select currency, sum(cost) as total from paidflow_actions
where actor = :actor and performed
    and state in ('PENDING', 'PENDING_HELD', 'HELD', 'CAPTURING', 'CANCELLING', 'RETRYING')
group by currency;

-- name: sum_accounts
select account, currency, sum(amount) as total from (
    select credit as account, currency, amount from paidflow_entries
    union all
    select debit as account, currency, -amount as amount from paidflow_entries
) sides
where substr(account, 1, length(:prefix)) = :prefix
group by account, currency order by account, currency;

-- name: audit_accounts
select a.account, a.currency,
    a.balance + cast(coalesce((select sum(amount) from paidflow_unswept u
        where u.account = a.account and u.currency = a.currency), 0) as bigint) as balance,
    coalesce((select sum(amount) from paidflow_entries e
        where e.credit = a.account and e.currency = a.currency), 0)
    - coalesce((select sum(amount) from paidflow_entries e
        where e.debit = a.account and e.currency = a.currency), 0) as entries
from (
    select account, currency, balance from paidflow_accounts
    union all
    select distinct account, currency, 0 as balance from paidflow_unswept u
    where not exists (select 1 from paidflow_accounts known
        where known.account = u.account and known.currency = u.currency)
) a;

-- name: audit_balances
-- Accounts by name: what their entries say, and what else is known of them. Whatever has a name up
-- to the last one of a page is summed up in one go: every entry is read once for each side.
with page as (
    select account, currency from (
        select distinct credit as account, currency from paidflow_entries
        where (credit, currency) > (:account, :currency)
        order by credit, currency limit :limit) credited
    union
    select account, currency from (
        select distinct debit as account, currency from paidflow_entries
        where (debit, currency) > (:account, :currency)
        order by debit, currency limit :limit) debited
    union
    select account, currency from (
        select account, currency from paidflow_accounts
        where (account, currency) > (:account, :currency)
        order by account, currency limit :limit) kept
    union
    select account, currency from (
        select distinct account, currency from paidflow_unswept
        where (account, currency) > (:account, :currency)
        order by account, currency limit :limit) incoming
    order by account, currency limit :limit
), credits as (
    select credit as account, currency, sum(amount) as total from paidflow_entries
    where (credit, currency) > (:account, :currency) and (credit, currency) <= (
        select account, currency from page order by account desc, currency desc limit 1)
    group by credit, currency
), debits as (
    select debit as account, currency, sum(amount) as total from paidflow_entries
    where (debit, currency) > (:account, :currency) and (debit, currency) <= (
        select account, currency from page order by account desc, currency desc limit 1)
    group by debit, currency
), unswept as (
    select account, currency, sum(amount) as total from paidflow_unswept
    where (account, currency) > (:account, :currency) and (account, currency) <= (
        select account, currency from page order by account desc, currency desc limit 1)
    group by account, currency
)
select p.account, p.currency, a.balance, coalesce(a.owed, 0) as owed,
    cast(coalesce(c.total, 0) - coalesce(d.total, 0) as bigint) as entries,
    cast(u.total as bigint) as unswept,
    case when a.owed > 0 then
        cast(coalesce((select sum(e.amount) from paidflow_entries e
            where e.debit = 'receivable:' || p.account and e.currency = p.currency), 0)
        - coalesce((select sum(e.amount) from paidflow_entries e
            where e.credit = 'receivable:' || p.account and e.currency = p.currency), 0) as bigint)
    end as receivable,
    case when substr(p.account, 1, 11) = 'receivable:' then coalesce((
        select debtor.owed from paidflow_accounts debtor
        where debtor.account = substr(p.account, 12) and debtor.currency = p.currency), 0)
    end as debtor_owes
from page p
    left join paidflow_accounts a on a.account = p.account and a.currency = p.currency
    left join credits c on c.account = p.account and c.currency = p.currency
    left join debits d on d.account = p.account and d.currency = p.currency
    left join unswept u on u.account = p.account and u.currency = p.currency
order by p.account, p.currency;

-- name: audit_unswept
-- What is to be swept, and the credit side of the entry that it stands for.
select u.account, u.currency, u.source, u.version, u.line, u.amount, e.amount as entry
from paidflow_unswept u left join paidflow_entries e on e.source = u.source
    and e.version = u.version and e.line = u.line
    and e.credit = u.account and e.currency = u.currency
where (u.account, u.currency, u.source, u.version, u.line)
    > (:account, :currency, :source, :version, :line)
order by u.account, u.currency, u.source, u.version, u.line limit :limit;

-- name: audit_actions
-- What the entries say of the money that actions keep: a row for each account and currency, or one
-- without any.
with page as (
    select action_id, version from paidflow_actions where action_id > :after
    order by action_id limit :limit
), kept as (
    select p.action_id, n.name || p.action_id as account
    from page p cross join (
        select 'unclaimed:' as name union all select 'reserved:'
        union all select 'advanced:' union all select 'refunding:') n
), sides as (
    select k.action_id, k.account, e.currency, e.amount
    from kept k join paidflow_entries e on e.credit = k.account
    union all
    select k.action_id, k.account, e.currency, -e.amount
    from kept k join paidflow_entries e on e.debit = k.account
)
select p.action_id, p.version, s.account, s.currency, cast(sum(s.amount) as bigint) as entries
from page p left join sides s on s.action_id = p.action_id
group by p.action_id, p.version, s.account, s.currency order by p.action_id;

-- name: sum_account
-- What an account has given and got in all.
select cast(coalesce((select sum(amount) from paidflow_entries
        where debit = :account and currency = :currency), 0) as bigint) as debits,
    cast(coalesce((select sum(amount) from paidflow_entries
        where credit = :account and currency = :currency), 0) as bigint) as credits;

-- name: select_statement
-- The lines of an account before a place, the newest first, each with the balance after it.
with lines as (
    select recorded_at, source, version, line, debit as other, amount from paidflow_entries
    where credit = :account and currency = :currency
    union all
    select recorded_at, source, version, line, credit as other, -amount as amount
    from paidflow_entries where debit = :account and currency = :currency
), page as (
    select * from lines
    where (recorded_at, source, version, line) < (:at, :source, :version, :line)
    order by recorded_at desc, source desc, version desc, line desc limit :limit
)
select p.recorded_at, p.source, p.version, p.line, p.other, p.amount,
    cast(sum(p.amount) over (order by p.recorded_at, p.source, p.version, p.line)
    + coalesce((select sum(l.amount) from lines l
        where (l.recorded_at, l.source, l.version, l.line) < (
            select first.recorded_at, first.source, first.version, first.line from page first
            order by first.recorded_at, first.source, first.version, first.line limit 1)
        ), 0) as bigint) as balance
from page p order by p.recorded_at desc, p.source desc, p.version desc, p.line desc;

-- name: select_version
select coalesce(max(version), 0) as version from paidflow_schema;

-- name: select_contracted
select coalesce(max(version), 0) as version from paidflow_schema where phase = 'contract';

-- name: insert_home
insert into paidflow_home (is_only_row, place) values (true, :place)
on conflict (is_only_row) do nothing;

-- name: select_home
select place from paidflow_home;

-- name: upsert_home
insert into paidflow_home (is_only_row, place) values (true, :place)
on conflict (is_only_row) do update set place = :place;

-- name: select_actions
select action_id, kind, actor, state, owed, due_at, attention, cost, currency, state_since
from paidflow_actions
where :state in ('', state) and :kind in ('', kind) and :actor in ('', coalesce(actor, ''))
order by state_since desc, action_id limit :limit;

-- name: select_actions_of_actor
select action_id from paidflow_actions where actor = :actor and action_id > :action_id
order by action_id limit :limit;

-- name: select_invoices
select t.action_id, t.number, t.gateway, t.invoice_id
from paidflow_attempts t join paidflow_actions a on a.action_id = t.action_id
where t.invoice_id is not null and (a.owed is not null or a.state_since >= :since)
    and (t.action_id, t.number) > (:action_id, :number)
order by t.action_id, t.number limit :limit;

-- name: select_payments
-- One that was never sent is left out if its id was used for another one.
select p.action_id, p.number
from paidflow_payments p join paidflow_actions a on a.action_id = p.action_id
where (a.owed is not null or a.state_since >= :since)
    and (p.action_id, p.number) > (:action_id, :number)
    and (not p.never_sent or not exists (select 1 from paidflow_payments o
        where o.payment_id = p.payment_id and not o.never_sent))
order by p.action_id, p.number limit :limit;

-- name: select_entries
select source, version, line, debit, credit, amount, currency, recorded_at from paidflow_entries
where (source, version, line) > (:source, :version, :line)
    and recorded_at >= :since and recorded_at < :until
order by source, version, line limit :limit;

-- name: count_attention
select count(*) as total from paidflow_actions where attention is not null;

-- name: count_owing
select state, owed, count(*) as total, min(due_at) as since from paidflow_actions
where owed is not null group by state, owed order by state, owed;

-- name: count_overdue
select count(*) as total, min(due_at) as since from paidflow_actions
where owed is not null and owed <> 'person' and due_at < :before
    and (leased_until is null or leased_until < :before);

-- name: count_stuck
select count(*) as total, min(state_since) as since from paidflow_actions
where state in ('HELD', 'FORWARDING', 'CAPTURING', 'CANCELLING', 'RETRYING')
    and state_since < :before;

-- name: count_late
select count(*) as total from paidflow_actions
where owed is not null and owed not in ('person', 'payment', 'hold', 'watch', 'close')
    and deadline_at < :now;

-- name: select_unfinished_with_keys
-- The actions whose keys may still be needed: of open attempts, and of proofs of logged-out payers.
select action_id from paidflow_actions
where (state not in ('PAID', 'FAILED', 'REFUNDED', 'DISPUTED') or (actor is null and state_since >= :since))
    and action_id > :action_id
order by action_id limit :limit;

-- name: select_changes
-- What changed behind a position, and whose it is.
select log.notification_id, log.originator_id, action.actor
from paidflow_log log join paidflow_actions action on action.action_id = log.originator_id
where log.notification_id > :after and log.notification_id <= :until
order by log.notification_id limit :limit;

-- name: select_recent_topics
-- The end of the log, where it is not older than a moment.
select topic, recorded_at from paidflow_log
where notification_id > :after and recorded_at >= :since;
