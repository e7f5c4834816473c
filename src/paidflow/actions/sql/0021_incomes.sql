-- What people get that is no zap; the id is that of the paid action, which may pay many.
create table forum_incomes (
    id text not null,
    actor text not null,
    income text not null check (income in ('gift', 'revenue', 'reward', 'streak')),
    giver text,
    territory text,
    amount_msats bigint not null check (amount_msats > 0),
    day text not null,
    created_at timestamptz not null,
    primary key (id, actor),
    check ((income = 'gift') = (giver is not null)),
    check ((income = 'revenue') = (territory is not null))
);
create index forum_incomes_by_actor on forum_incomes (actor, created_at);
create index forum_incomes_by_giver on forum_incomes (giver, created_at) where giver is not null;
create index forum_incomes_by_day on forum_incomes (income, day);
