-- name: select_option
select 1 from forum_poll_options where item_id = :item_id and position = :option;

-- name: insert_ballot
insert into forum_ballots (id, item_id, voter, created_at)
values (:id, :item_id, :voter, :now);

-- name: insert_unpaid_vote
insert into forum_unpaid_votes (id, item_id, option) values (:id, :item_id, :option);

-- name: delete_unpaid_vote
delete from forum_unpaid_votes where id = :id;

-- name: insert_paid_vote
insert into forum_paid_votes (item_id, option) values (:item_id, :option);

-- name: select_paid_votes
select id, item_id, option from forum_paid_votes order by id limit :limit;

-- name: delete_paid_vote
delete from forum_paid_votes where id = :id;

-- name: add_to_tally
insert into forum_tallies (item_id, option, votes) values (:item_id, :option, :votes)
on conflict (item_id, option) do update set votes = forum_tallies.votes + excluded.votes;
