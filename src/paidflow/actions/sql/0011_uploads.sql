-- Files that people have stored, for what they write. The bytes are somewhere else.
create table forum_uploads (
    id text primary key,
    owner text,
    size_bytes bigint not null check (size_bytes > 0),
    created_at timestamptz not null,
    -- Since when it waits for somebody to pay; null while somebody does, and when it is paid.
    unpaid_since timestamptz,
    paid_at timestamptz,
    paid_by text,
    collected_at timestamptz,
    check ((paid_at is null) = (paid_by is null)),
    check (paid_at is null or (unpaid_since is null and collected_at is null))
);
create index forum_uploads_paid on forum_uploads (owner, paid_at) where paid_at is not null;
create index forum_uploads_unpaid on forum_uploads (unpaid_since) where unpaid_since is not null;
create index forum_uploads_collected on forum_uploads (collected_at) where collected_at is not null;

-- Which items show a file.
create table forum_item_uploads (
    item_id text not null,
    upload_id text not null,
    primary key (item_id, upload_id)
);
