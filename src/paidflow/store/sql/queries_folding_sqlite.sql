-- name: select_page
select notification_id, originator_id, originator_version, topic, state, recorded_at
from paidflow_log
where notification_id > :after and notification_id <= :upto
    and substr(topic, 1, instr(topic, '@') - 1) in (select value from json_each(:names))
order by notification_id limit :limit;

-- name: limit_lock_wait
select 1;

-- name: select_actors
select action_id, actor from paidflow_actions
where action_id in (select value from json_each(:actions));

-- name: select_arguments
select p.action_id, p.arguments from paidflow_payloads p
join paidflow_actions a on a.action_id = p.action_id
where a.kind = :kind and p.arguments is not null
    and p.action_id in (select value from json_each(:actions));

-- name: select_requested
select originator_id, topic, state from paidflow_log
where originator_version = 1 and originator_id in (select value from json_each(:actions));

-- name: select_paid_at
select originator_id, min(recorded_at) as paid_at from paidflow_log
where topic like 'paid-action.paid@%' and originator_id in (select value from json_each(:actions))
group by originator_id;

-- name: listed
select value from json_each(:actions);

-- name: insert_rows
insert into {table} ({columns}) select {values} from json_each(:rows) where true {conflict};

-- name: inserted_value
value ->> '$.{column}';
