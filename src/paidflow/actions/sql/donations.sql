-- name: insert_donation
insert into forum_donations (id, actor, amount_msats, created_at)
values (:id, :actor, :amount_msats, :now);
