-- name: create
create table {table} (
    actor text not null,
    day text not null,
    kind text not null,
    times bigint not null,
    spent_msats bigint not null,
    stacked_msats bigint not null,
    primary key (actor, day, kind)
);

-- name: create_index
create index {table}_day on {table} (day);

-- name: add
on conflict (actor, day, kind) do update set
    times = {table}.times + excluded.times,
    spent_msats = {table}.spent_msats + excluded.spent_msats,
    stacked_msats = {table}.stacked_msats + excluded.stacked_msats;
