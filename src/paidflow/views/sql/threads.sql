-- name: tree
-- The items below one, level by level; what is below something that cannot be seen is not shown.
with recursive tree (id, place) as (
    select i.id, 0 from forum_items i
    where i.id = :top and visible(i.id) and not exists (
        select 1 from forum_ancestors u
        left join forum_items above on above.id = u.ancestor_id and visible(above.id)
        where u.item_id = i.id and above.id is null)
    union all
    select i.id, tree.place - 1 from tree join forum_items i on i.parent_id = tree.id
    where visible(i.id)
)
select id, place from tree order by place desc, id limit :limit;
