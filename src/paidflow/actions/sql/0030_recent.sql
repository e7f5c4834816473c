-- Lists in the order of payment; what is not paid yet has its place by when it was written.
create index forum_items_recent on forum_items (coalesce(paid_at, created_at), id)
    where parent_id is null;
create index forum_items_recent_by_author on forum_items
    (author, coalesce(paid_at, created_at), id);
create index forum_items_recent_by_territory on forum_items
    (territory, coalesce(paid_at, created_at), id) where territory is not null;
create index forum_items_unpaid on forum_items (author) where paid_at is null;
drop index forum_items_by_territory;
