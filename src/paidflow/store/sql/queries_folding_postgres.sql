-- name: advance
update paidflow_projections set position = :upto, tries = 0, retry_at = null
where name = :view and version = :version and position = :after and state <> 'retired'
    and pg_try_advisory_xact_lock(hashtextextended('paidflow_projections.' || :view, :version))
returning exists (select 1 from paidflow_parked parked where parked.name = :view
    and parked.version = :version) as parked;

-- name: select_page
select * from (
    -- The inner limit bars nothing. Without it the planner reads and sorts the whole table.
    select notification_id, originator_id, originator_version, topic, state, recorded_at
    from paidflow_log where notification_id > :after and notification_id <= :upto
    order by notification_id limit :upto - :after
) page
where split_part(topic, '@', 1) = any(array(select json_array_elements_text(:names::json)))
limit :limit;

-- name: limit_lock_wait
set local lock_timeout = '100ms';

-- name: select_actors
-- The array is looked up in the index in one go; ``in`` would look for each id from the top.
select action_id, actor from paidflow_actions
where action_id = any(array(select json_array_elements_text(:actions::json)));

-- name: select_arguments
select p.action_id, p.arguments from paidflow_payloads p
join paidflow_actions a on a.action_id = p.action_id
where a.kind = :kind and p.arguments is not null
    and p.action_id = any(array(select json_array_elements_text(:actions::json)));

-- name: select_requested
select originator_id, topic, state from paidflow_log
where originator_version = 1 and originator_id = any(array(select json_array_elements_text(:actions::json)));

-- name: select_paid_at
select originator_id, min(recorded_at) as paid_at from paidflow_log
where topic like 'paid-action.paid@%' and originator_id = any(array(select json_array_elements_text(:actions::json)))
group by originator_id;

-- name: listed
select json_array_elements_text(:actions::json);

-- name: insert_rows
insert into {table} ({columns})
select {values} from json_populate_recordset(null::{table}, :rows::json) {conflict};

-- name: inserted_value
{column};
