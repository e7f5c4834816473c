-- name: due
-- What its author wants to be deleted by now; a bio can only be edited.
select i.id, i.author from forum_calls c join forum_items i on i.id = c.item_id
where c.kind = 'deletion' and c.at <= :now and c.actor = i.author and i.kind <> 'bio'
    and i.deleted_at is null and visible(i.id)
order by c.at, i.id limit :limit;
