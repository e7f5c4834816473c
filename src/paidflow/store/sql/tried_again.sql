-- Whether an action, called `failed` here, will be tried again by itself; see `AutomaticRetry`. The
-- kinds that are have a space before and after each. It is never null.
(failed.state = 'FAILED' and failed.actor is not null and failed.attention is null
    and coalesce(failed.failure_reason, '') <> 'user_cancelled'
    and replace(:retried_kinds, ' ' || failed.kind || ' ', '') <> :retried_kinds
    and failed.state_since > :retried_since
    and (select count(*) from paidflow_log retried where retried.originator_id = failed.action_id
        and retried.topic like 'paid-action.retry-requested@%')
        + case when failed.owed is null then failed.tries else 0 end < :retried_times_max)
