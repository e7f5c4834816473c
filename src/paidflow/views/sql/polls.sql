-- name: options
select o.position, o.text, coalesce(t.votes, 0) + (
        select count(*) from forum_paid_votes v
        where v.item_id = o.item_id and v.option = o.position
    ) as votes
from forum_poll_options o left join forum_tallies t
    on t.item_id = o.item_id and t.option = o.position
where o.item_id = :id and visible(o.item_id)
order by o.position;

-- name: ballot
select b.id, a.state, v.option
from forum_ballots b join paidflow_actions a on a.action_id = b.id
left join forum_unpaid_votes v on v.id = b.id
where b.item_id = :id and b.voter = :viewer and visible(b.id)
order by b.created_at desc, b.id desc limit 1;
