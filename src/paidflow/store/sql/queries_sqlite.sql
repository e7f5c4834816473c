-- name: select_schema
select count(*) > 0 as present from sqlite_master where name = 'paidflow_schema';
