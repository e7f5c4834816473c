-- name: weigh_webhook
-- What is known of a message before it is kept.
select exists (select 1 from paidflow_attempts t
        where t.gateway = :gateway and t.invoice_id = :invoice_id) as matched,
    exists (select 1 from paidflow_webhooks w where w.gateway = :gateway
        and w.invoice_id = :invoice_id and w.digest = :digest) as known,
    (select count(*) from paidflow_webhooks w
        where w.gateway = :gateway and w.invoice_id = :invoice_id) as of_invoice,
    (select count(*) from (select 1 from paidflow_webhooks w
        where w.gateway = :gateway and not w.matched limit :limit) found) as unmatched;

-- name: upsert_webhook
-- A message that comes again may tell of something new, so it leads to another look.
insert into paidflow_webhooks as w (gateway, invoice_id, digest, headers, body, received_at,
    last_received_at, matched, due_at)
values (:gateway, :invoice_id, :digest, :headers, :body, :now, :now, :matched, :due_at)
on conflict (gateway, invoice_id, digest) do update
set times = w.times + 1, last_received_at = :now, tries = 0,
    matched = w.matched or excluded.matched,
    due_at = case when w.matched or excluded.matched or w.invoice_id = '' then :now end;

-- name: look_again
-- The newest message about an invoice leads to another look.
update paidflow_webhooks set due_at = :now, tries = 0, matched = true, times = times + 1,
    last_received_at = :now
where gateway = :gateway and invoice_id = :invoice_id and digest = (
    select digest from paidflow_webhooks
    where gateway = :gateway and invoice_id = :invoice_id
    order by last_received_at desc, digest limit 1);

-- name: select_inbox
-- What there is to do with the messages.
select exists (select 1 from paidflow_webhooks where due_at <= :now) as due,
    exists (select 1 from paidflow_webhooks where last_received_at < :before) as old,
    exists (select 1 from paidflow_webhooks w join paidflow_attempts t
        on t.gateway = w.gateway and t.invoice_id = w.invoice_id where not w.matched) as matching;

-- name: match_webhooks
update paidflow_webhooks set matched = true, due_at = :now
where not matched and invoice_id <> '' and exists (select 1 from paidflow_attempts t
    where t.gateway = paidflow_webhooks.gateway and t.invoice_id = paidflow_webhooks.invoice_id);

-- name: look_later
-- Not one that has come again meanwhile.
update paidflow_webhooks set due_at = :due_at
where gateway = :gateway and invoice_id = :invoice_id and digest = :digest and times = :times;

-- name: webhook_done
-- What it said is needed no more, and may be a secret. Not one that has come again meanwhile.
update paidflow_webhooks set due_at = null, headers = '{}', body = :nothing
where gateway = :gateway and invoice_id = :invoice_id and digest = :digest and times = :times;

-- name: delete_webhook
delete from paidflow_webhooks
where gateway = :gateway and invoice_id = :invoice_id and digest = :digest;

-- name: purge_webhooks
delete from paidflow_webhooks where (gateway, invoice_id, digest) in (
    select gateway, invoice_id, digest from paidflow_webhooks
    where last_received_at < :before order by last_received_at limit :limit);

-- name: erase_webhooks
delete from paidflow_webhooks where exists (select 1 from paidflow_attempts t
    where t.action_id = :action_id and t.gateway = paidflow_webhooks.gateway
        and t.invoice_id = paidflow_webhooks.invoice_id);

-- name: select_webhooks
select gateway, invoice_id, digest, times, received_at, last_received_at, matched, due_at, tries
from paidflow_webhooks
where :gateway in ('', gateway) and (not :unmatched or not matched)
order by last_received_at desc, gateway, invoice_id, digest limit :limit;

-- name: retry_webhooks
update paidflow_webhooks set due_at = :now, tries = 0
where (matched or invoice_id = '') and :gateway in ('', gateway)
    and :invoice_id in ('', invoice_id);

-- name: count_webhooks
select gateway, case when invoice_id = '' then 'unread' when not matched then 'unmatched'
    else 'waiting' end as standing, count(*) as total, min(received_at) as since
from paidflow_webhooks where due_at is not null or not matched group by 1, 2 order by 1, 2;

-- name: select_gateways
select * from paidflow_gateways order by gateway;

-- name: select_maintenance
select gateway from paidflow_gateways where maintenance_since is not null;

-- name: begin_maintenance
insert into paidflow_gateways as g (gateway, maintenance_since, maintenance_reason)
values (:gateway, :now, :reason)
on conflict (gateway) do update
set maintenance_since = coalesce(g.maintenance_since, :now), maintenance_reason = :reason;

-- name: end_maintenance
update paidflow_gateways set maintenance_since = null, maintenance_reason = null
where gateway = :gateway and maintenance_since is not null;

-- name: note_gateway
insert into paidflow_gateways as g (gateway, down_since, down_reason, answered_at)
values (:gateway, :down_since, :down_reason, :answered_at)
on conflict (gateway) do update set down_since = :down_since, down_reason = :down_reason,
    answered_at = coalesce(:answered_at, g.answered_at);

-- name: count_refused_webhooks
insert into paidflow_gateways as g (gateway, webhooks_refused, webhook_refused_at)
values (:gateway, :refused, :now)
on conflict (gateway) do update
set webhooks_refused = g.webhooks_refused + :refused, webhook_refused_at = :now;
