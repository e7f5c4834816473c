-- name: lease_webhooks
update paidflow_webhooks set due_at = :until, tries = tries + 1
where (gateway, invoice_id, digest) in (
    select gateway, invoice_id, digest from paidflow_webhooks
    where due_at <= :now order by due_at limit :limit)
returning gateway, invoice_id, digest, times, tries,
    case when invoice_id = '' then headers end as headers,
    case when invoice_id = '' then body end as body;
