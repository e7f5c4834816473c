-- name: queue_deliveries
insert into paidflow_deliveries (subscriber, position, action_id, next_try_at)
select :subscriber, notification_id, originator_id, :now from paidflow_log
where notification_id > :after and notification_id <= :upto
    and split_part(topic, '@', 1) = any(array(select json_array_elements_text(:names::json)));

-- name: lease_deliveries
update paidflow_deliveries set leased_until = :until, lease_token = :token
where subscriber = :subscriber and action_id in (
    select action_id from paidflow_deliveries head
    where subscriber = :subscriber and next_try_at <= :now
        and (leased_until is null or leased_until <= :now)
        and not exists (
            select 1 from paidflow_deliveries earlier
            where earlier.subscriber = head.subscriber and earlier.action_id = head.action_id
                and earlier.position < head.position)
    order by tries, position limit :limit
    for update skip locked
);
