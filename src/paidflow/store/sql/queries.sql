-- name: insert_event
insert into paidflow_events (originator_id, originator_version, topic, state, event_id, command_id,
    correlation_id, recorded_at)
values (:action_id, :version, :topic, :state, :event_id, :command_id, :correlation_id, :now);

-- name: select_history
select originator_version as version, topic, state, recorded_at, command_id
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
    owed, due_at, deadline_at, attention, failure_reason, created_at, state_since)
values (:action_id, :kind, :actor, :state, :performed, :version, :cost, :currency,
    :owed, :due_at, :deadline_at, :attention, :failure_reason, :now, :now);

-- name: update_status
update paidflow_actions
set state_since = case when state = :state then state_since else :now end,
    first_tried_at = case when state = :state then first_tried_at end,
    tries = case when state = :state and owed = :owed then tries else 0 end,
    state = :state, performed = :performed, version = :version, owed = :owed, due_at = :due_at,
    deadline_at = :deadline_at, attention = :attention, failure_reason = :failure_reason
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
returning action_id;

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

-- name: credit_purse
insert into paidflow_accounts (account, currency, balance) values (:account, :currency, :amount)
on conflict (account, currency) do update set balance = paidflow_accounts.balance + :amount;

-- name: debit_purse
update paidflow_accounts set balance = balance - :amount
where account = :account and currency = :currency and balance >= :amount;

-- name: select_balance
select balance from paidflow_accounts where account = :account and currency = :currency;

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
select action_id, kind, failure_reason, state_since,
    failure_reason <> 'user_cancelled' and state_since > coalesce((select seen_at from paidflow_read_marks where actor = :actor),
        :beginning) as unread
from paidflow_actions where actor = :actor and state = 'FAILED'
order by state_since desc limit :limit;

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
select a.account, a.currency, a.balance,
    coalesce((select sum(amount) from paidflow_entries e
        where e.credit = a.account and e.currency = a.currency), 0)
    - coalesce((select sum(amount) from paidflow_entries e
        where e.debit = a.account and e.currency = a.currency), 0) as entries
from paidflow_accounts a;
