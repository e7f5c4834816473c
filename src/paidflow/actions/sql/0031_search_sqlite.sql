-- The words of items, under numbers that stay when the file is vacuumed.
create table forum_searched (
    number integer primary key,
    item_id text not null unique
);
create virtual table forum_search using fts5(title, text, tokenize = 'unicode61 remove_diacritics 0');
create trigger forum_items_searched after insert on forum_items begin
    insert into forum_searched (item_id) values (new.id);
    insert into forum_search (rowid, title, text)
    select number, new.title, new.text from forum_searched where item_id = new.id;
end;
create trigger forum_items_searched_again after update of title, text on forum_items begin
    update forum_search set title = new.title, text = new.text
    where rowid = (select number from forum_searched where item_id = new.id);
end;
