-- name: shown
-- What is shown of the items of a page, which is one of the queries below. What the viewer has done
-- to an item himself is apart; nobody else sees what is not paid.
select i.*, p.place,
    coalesce(t.comments, 0) as comments,
    coalesce(t.comments_zapped_msats, 0) as comments_zapped_msats,
    coalesce(t.zappers, 0) as zappers,
    coalesce(t.zapped_msats, 0) as zapped_msats,
    coalesce(t.downzapped_msats, 0) as downzapped_msats,
    coalesce(t.boosted_msats, 0) as boosted_msats,
    coalesce(t.votes_millionths, 0) as votes_millionths,
    coalesce(t.downvotes_millionths, 0) as downvotes_millionths,
    t.last_zap_at, t.last_comment_at, t.bounty_paid_to,
    cast(coalesce((select sum(a.amount_msats) from forum_acts a
        join paidflow_actions s on s.action_id = a.id
        where a.item_id = i.id and a.actor = :viewer and a.act = 'zap'
            and s.state not in ('FAILED', 'REFUNDED', 'DISPUTED')), 0) as bigint)
        as own_zapped_msats,
    cast(coalesce((select sum(a.amount_msats) from forum_acts a
        join paidflow_actions s on s.action_id = a.id
        where a.item_id = i.id and a.actor = :viewer and a.act = 'downzap'
            and s.state not in ('FAILED', 'REFUNDED', 'DISPUTED')), 0) as bigint)
        as own_downzapped_msats,
    cast(coalesce((select sum(a.amount_msats) from forum_acts a
        join paidflow_actions s on s.action_id = a.id
        where a.item_id = i.id and a.actor = :viewer and a.act = 'zap'
            and s.state not in ('PAID', 'FAILED', 'REFUNDED', 'DISPUTED')), 0) as bigint)
        as own_pending_msats,
    case when i.author = :viewer then (select s.state from paidflow_actions s
        where s.action_id = i.id) end as own_state
from ({page}) p
join forum_items i on i.id = p.id
left join forum_item_totals t on t.item_id = i.id
order by p.place desc, i.id desc;

-- name: one
select i.id, 0 as place from forum_items i where i.id = :id and visible(i.id);

-- name: recent
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where i.parent_id is null and i.deleted_at is null
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: by_author
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where i.author = :author
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: by_territory
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where i.territory = :territory and i.parent_id is null and i.deleted_at is null
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: duplicates
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where i.url in (:urls) and i.deleted_at is null
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: search_postgres
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where to_tsvector('simple', translate(coalesce(i.title, '') || ' ' || coalesce(i.text, ''),
        '/.:-_@?&=#', '          ')) @@ plainto_tsquery('simple', :words)
    and i.deleted_at is null
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: search_sqlite
select i.id, coalesce(i.paid_at, i.created_at) as place from forum_items i
where i.id in (select k.item_id from forum_search f join forum_searched k on k.number = f.rowid
        where f.forum_search match :words)
    and i.deleted_at is null
    and (coalesce(i.paid_at, i.created_at), i.id) < (:place, :id) and visible(i.id)
order by coalesce(i.paid_at, i.created_at) desc, i.id desc limit :limit;

-- name: top
-- Sorted first and then asked what is visible, because most of what was paid is not on the page.
select i.id, i.place from (
    select i.id, coalesce(t.zapped_msats, 0) as place
    from forum_items i left join forum_item_totals t on t.item_id = i.id
    where i.parent_id is null and i.deleted_at is null and i.paid_at >= :since
        and (coalesce(t.zapped_msats, 0), i.id) < (:place, :id)
    order by coalesce(t.zapped_msats, 0) desc, i.id desc
) i
where visible(i.id)
order by i.place desc, i.id desc limit :limit;

-- name: hot
-- What the viewer has not paid yet stands where a new post would.
select * from (
    select i.id, r.score as place from forum_ranks r join forum_items i on i.id = r.item_id
    where (r.score, r.item_id) < (:place, :id) and i.deleted_at is null and visible(i.id)
    order by r.score desc, r.item_id desc limit :limit
) ranked
union all
select i.id, cast(:newest as bigint) as place from forum_items i
where i.author = :viewer and i.paid_at is null and i.parent_id is null and i.deleted_at is null
    and (cast(:newest as bigint), i.id) < (:place, :id) and visible(i.id)
order by place desc, id desc limit :limit;
