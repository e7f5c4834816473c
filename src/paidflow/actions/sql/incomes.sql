-- name: insert_income
insert into forum_incomes (id, actor, income, territory, amount_msats, day, created_at)
values (:id, :actor, :income, :territory, :amount_msats, :day, :now);

-- name: insert_gift
-- The purse of the giver was debited before, so no other gift of his is counted at the same moment.
insert into forum_incomes (id, actor, income, giver, amount_msats, day, created_at)
select :id, :actor, 'gift', :giver, cast(:amount_msats as bigint), :day, :now
where (cast(:day_max_msats as bigint) is null or (select coalesce(sum(amount_msats), 0)
        from forum_incomes where giver = :giver and created_at > :since)
    + cast(:amount_msats as bigint) <= cast(:day_max_msats as bigint))
and (cast(:person_max as bigint) is null or (select count(*) from forum_incomes
        where giver = :giver and actor = :actor) < cast(:person_max as bigint));

-- name: select_given
select coalesce(sum(amount_msats), 0) as amount_msats from forum_incomes
where giver = :giver and created_at > :since;

-- name: count_given
select count(*) as gifts from forum_incomes where giver = :giver and actor = :actor;

-- name: select_paid
select id from forum_incomes where income = :income and day = :day limit 1;
