-- name: insert_upload
insert into forum_uploads (id, owner, size_bytes, created_at, unpaid_since)
values (:id, :owner, :size_bytes, :now, :now);

-- name: select_upload
select id, owner, size_bytes, paid_at from forum_uploads where id = :id and collected_at is null;

-- name: sum_paid
select coalesce(sum(size_bytes), 0) as size_bytes from forum_uploads
where owner = :owner and paid_at > :since;

-- name: take_upload
update forum_uploads set unpaid_since = null where id = :id and collected_at is null;

-- name: mark_upload_paid
update forum_uploads set paid_at = :now, paid_by = :action_id, unpaid_since = null,
    owner = coalesce(owner, :actor)
where id = :id and paid_at is null and collected_at is null;

-- name: mark_upload_unpaid
update forum_uploads set unpaid_since = :now, paid_at = null, paid_by = null
where id = :id and (paid_at is null or paid_by = :action_id) and collected_at is null;

-- name: collect_unpaid
update forum_uploads set collected_at = :now, unpaid_since = null
where (owner is null and unpaid_since < :logged_out_before)
    or (owner is not null and unpaid_since < :before);

-- name: select_collected
select id from forum_uploads where collected_at is not null order by collected_at, id limit :limit;

-- name: delete_upload
delete from forum_uploads where id = :id and collected_at is not null;

-- name: insert_link
insert into forum_item_uploads (item_id, upload_id) values (:item_id, :upload_id)
on conflict do nothing;

-- name: select_links
select upload_id from forum_item_uploads where item_id = :item_id;

-- name: delete_link
delete from forum_item_uploads where item_id = :item_id and upload_id = :upload_id;
