-- name: own
select i.author, coalesce(t.votes_millionths, 0) - coalesce(t.downvotes_millionths, 0) as votes
from forum_items i left join forum_item_totals t on t.item_id = i.id
where i.id = :id and visible(i.id);

-- name: middle
-- The one in the middle of what all other items of the author got, or the two.
select votes from (
    select coalesce(t.votes_millionths, 0) - coalesce(t.downvotes_millionths, 0) as votes,
        row_number() over (order by
            coalesce(t.votes_millionths, 0) - coalesce(t.downvotes_millionths, 0)) as place,
        count(*) over () as items
    from forum_items i left join forum_item_totals t on t.item_id = i.id
    where i.author = :author and i.id <> :id and visible(i.id)
) numbered where place in ((items + 1) / 2, (items + 2) / 2);
