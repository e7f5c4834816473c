-- name: select_page
select notification_id, originator_id, originator_version, topic, state, recorded_at
from paidflow_log
where notification_id > :after and notification_id <= :upto
    and substr(topic, 1, instr(topic, '@') - 1) in (select value from json_each(:names))
order by notification_id limit :limit;

-- name: limit_lock_wait
select 1;

-- name: listed
select value from json_each(:actions);

-- name: insert_rows
insert into {table} ({columns}) select {values} from json_each(:rows) where true {conflict};

-- name: inserted_value
value ->> '$.{column}';
