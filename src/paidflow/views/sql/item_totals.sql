-- name: create
create table {table} (
    item_id text primary key,
    comments bigint not null default 0,
    comment_trust_millionths bigint not null default 0,
    comments_zapped_msats bigint not null default 0,
    zappers bigint not null default 0,
    zapped_msats bigint not null default 0,
    downzapped_msats bigint not null default 0,
    boosted_msats bigint not null default 0,
    votes_millionths bigint not null default 0,
    downvotes_millionths bigint not null default 0,
    last_zap_at timestamptz,
    last_comment_at timestamptz,
    bounty_paid_to text
);

-- name: acts
select a.id, a.act, a.item_id, a.actor, a.amount_msats, i.root_id
from forum_acts a join forum_items i on i.id = a.item_id
where a.id in (:actions);

-- name: above_zaps
select a.id, a.amount_msats, n.ancestor_id
from forum_acts a join forum_ancestors n on n.item_id = a.item_id
where a.id in (:actions) and a.act = 'zap';

-- name: above_comments
select c.id, c.author, c.created_at, n.ancestor_id, i.author as ancestor_author
from forum_items c join forum_ancestors n on n.item_id = c.id
join forum_items i on i.id = n.ancestor_id
where c.id in (:actions);

-- name: move_on
on conflict (item_id) do update set {column} = case
    when {table}.{column} is null or excluded.{column} > {table}.{column} then excluded.{column}
    else {table}.{column} end;

-- name: replace_bounty
on conflict (item_id) do update set bounty_paid_to = excluded.bounty_paid_to;
