-- Statements with {names} are filled in by `filled` of store/queries.py.

-- name: insert_projection
insert into paidflow_projections (name, version, state, position)
select :view, :version, case when exists (select 1 from paidflow_projections where name = :view)
    then 'building' else 'live' end, 0
where not exists (select 1 from paidflow_projections where name = :view and version >= :version)
on conflict do nothing;

-- name: select_live_positions
select name, position from paidflow_projections where state = 'live';

-- name: select_projection
select name, version, state, position, tries, retry_at from paidflow_projections
where name = :view and version = :version;

-- name: select_live
select name, version, state, position, tries, retry_at from paidflow_projections
where name = :view and state = 'live';

-- name: advance
update paidflow_projections set position = :upto, tries = 0, retry_at = null
where name = :view and version = :version and position = :after and state <> 'retired'
returning exists (select 1 from paidflow_parked parked where parked.name = :view
    and parked.version = :version) as parked;

-- name: pause
update paidflow_projections set tries = tries + 1, retry_at = :retry_at
where name = :view and version = :version and position = :after and tries = :tries
    and state <> 'retired';

-- name: hold_projection
update paidflow_projections set position = position where name = :view and version = :version;

-- name: set_projection_state
update paidflow_projections set state = :state where name = :view and version = :version;

-- name: select_retired
select version from paidflow_projections where name = :view and state = 'retired';

-- name: delete_projection
delete from paidflow_projections where name = :view and version = :version and state = 'retired';

-- name: select_last_committed
select coalesce(
    (select notification_id from paidflow_log order by notification_id desc limit 1), 0) as last;

-- name: select_lags
select p.name, p.version, p.state, p.position, p.tries,
    coalesce((select notification_id from paidflow_log order by notification_id desc limit 1), 0)
        - p.position as behind,
    (select e.recorded_at from paidflow_log e where e.notification_id > p.position
        order by e.notification_id limit 1) as since,
    (select count(*) from paidflow_parked parked
        where parked.name = p.name and parked.version = p.version) as parked
from paidflow_projections p where p.state <> 'retired' order by p.name, p.version;

-- name: insert_parked
insert into paidflow_parked (name, version, action_id, position, error_type, parked_at)
values (:view, :version, :action_id, :position, :error_type, :now);

-- name: select_parked_actions
select distinct action_id from paidflow_parked where name = :view and version = :version;

-- name: select_parked
select p.name, p.version, p.action_id, p.position,
    (select topic from paidflow_log where notification_id = p.position) as topic,
    p.error_type, p.parked_at
from paidflow_parked p
order by p.name, p.version, p.position limit :limit;

-- name: select_parked_events
select notification_id, originator_id, originator_version, topic, state, recorded_at
from paidflow_log where notification_id in (
    select position from paidflow_parked
    where name = :view and version = :version and action_id = :action_id)
order by notification_id;

-- name: delete_parked_action
delete from paidflow_parked
where name = :view and version = :version and action_id = :action_id;

-- name: delete_parked
delete from paidflow_parked where name = :view and version = :version;

-- name: drop_view
drop view if exists {view};

-- name: create_view
create view {view} as select * from {table};

-- name: drop_table
drop table if exists {table};
