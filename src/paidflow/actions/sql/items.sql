-- name: insert_item
insert into forum_items (id, kind, author, parent_id, root_id, territory, title, url, text,
    bounty_msats, poll_cost_msats, poll_expires_at, company, location, remote, free, boost_msats,
    created_at)
values (:id, :kind, :author, :parent_id, :root_id, :territory, :title, :url, :text,
    :bounty_msats, :poll_cost_msats, :poll_expires_at, :company, :location, :remote, :free, :boost_msats,
    :now);

-- name: insert_ancestors
insert into forum_ancestors (item_id, ancestor_id, level)
select cast(:id as text), ancestor_id, level + 1 from forum_ancestors where item_id = :parent_id
union all select cast(:id as text), cast(:parent_id as text), 1;

-- name: select_item
select id, kind, author, parent_id, root_id, territory, title, url, text, bounty_msats,
    poll_cost_msats, poll_expires_at, company, location, remote, free, boost_msats, created_at, paid_at,
    live, edited_at, deleted_at
from forum_items where id = :id;

-- name: mark_paid
update forum_items set paid_at = coalesce(paid_at, :now), live = true where id = :id;

-- name: mark_reversed
update forum_items set live = false where id = :id;

-- name: update_item
update forum_items set territory = :territory, title = :title, url = :url, text = :text,
    bounty_msats = :bounty_msats, poll_cost_msats = :poll_cost_msats,
    poll_expires_at = :poll_expires_at, company = :company, location = :location, remote = :remote,
    boost_msats = :boost_msats, edited_at = :now
where id = :id and boost_msats = :boost_msats_before and deleted_at is null;

-- name: delete_item
update forum_items set title = null, url = null, text = null, poll_cost_msats = null,
    deleted_at = :now
where id = :id and deleted_at is null;
