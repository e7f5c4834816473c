-- Who wants what he earns to be paid out by itself, and where to. Only one payment of a person is on
-- its way at a time; after one that has failed there is a pause.
create table forum_auto_withdrawals (
    actor text primary key,
    destination text not null,
    threshold_msats bigint not null check (threshold_msats >= 0),
    fee_percent integer not null check (fee_percent between 0 and 100),
    running_id text,
    resume_at timestamptz
);
