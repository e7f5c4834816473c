-- Which half of a change a version was: what it adds, or what it takes away.
alter table paidflow_schema
    add column phase text not null default 'expand' check (phase in ('expand', 'contract'));

-- Where this log lives, so that a restored copy can be told from it; see docs/operating.md.
create table paidflow_home (
    is_only_row boolean primary key default true check (is_only_row),
    place text not null
);

insert into paidflow_schema (version, phase) values (2, 'expand');
