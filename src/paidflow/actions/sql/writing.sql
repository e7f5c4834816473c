-- What somebody has written lately.

-- name: count_posts
select count(*) as items from forum_items
where author = :author and created_at > :since and parent_id is null and kind <> 'bio';

-- name: count_answers
select count(*) as items from forum_items
where author = :author and created_at > :since and parent_id = :parent_id;

-- name: select_chain
-- How many items, from the parent upwards, are all of the author and of this time.
select min(above.level) as length from (
    select 0 as level, cast(:parent_id as text) as id
    union all select level, ancestor_id from forum_ancestors where item_id = :parent_id
) above join forum_items i on i.id = above.id
where i.author is null or i.author <> :author or i.created_at <= :since;

-- name: count_newest
select count(*) as items, count(paid_at) as paid from (
    select paid_at from forum_items where author = :author
    order by created_at desc, id desc limit :most
) newest;

-- name: select_duplicate
select id from forum_items
where author = :author and created_at > :since and coalesce(parent_id, '') = coalesce(:parent_id, '')
    and coalesce(title, '') = coalesce(:title, '') and coalesce(url, '') = coalesce(:url, '')
    and coalesce(text, '') = coalesce(:text, '')
    and (parent_id is not null or coalesce(territory, '') = coalesce(:territory, '')) limit 1;
