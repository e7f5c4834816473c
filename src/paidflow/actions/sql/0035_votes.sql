-- Who votes in which poll; that they vote is no secret.
create table forum_ballots (
    id text primary key,
    item_id text not null,
    voter text not null,
    created_at timestamptz not null
);
create index forum_ballots_by_item on forum_ballots (item_id, voter);

-- What a ballot says, until it is paid.
create table forum_unpaid_votes (
    id text primary key,
    item_id text not null,
    option integer not null
);

-- How many votes each option has.
create table forum_tallies (
    item_id text not null,
    option integer not null,
    votes bigint not null check (votes > 0),
    primary key (item_id, option)
);
