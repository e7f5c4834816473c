-- Moves the events of actions that are finished to the archive, the oldest first; returns of how
-- many actions. An action that goes on later has its newer events in the log.
create or replace function paidflow_archive(before timestamptz, actions_max bigint) returns bigint
language plpgsql security definer as $$
declare
    action record;
    moved bigint := 0;
begin
    for action in
        select a.action_id, a.version
        from paidflow_events e join paidflow_actions a on a.action_id = e.originator_id
        where a.owed is null and a.state_since < before and e.notification_id = (
            select min(notification_id) from paidflow_events where originator_id = a.action_id)
        order by e.notification_id limit actions_max
        for update of a skip locked
    loop
        with kept as (
            insert into paidflow_events_archive select * from paidflow_events
            where originator_id = action.action_id and originator_version <= action.version
            returning notification_id
        )
        delete from paidflow_events using kept
        where paidflow_events.notification_id = kept.notification_id;
        moved := moved + 1;
    end loop;
    return moved;
end
$$;
