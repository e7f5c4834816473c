-- The words of items; the signs that hold words together in addresses become spaces.
create index forum_items_words on forum_items using gin (to_tsvector('simple',
    translate(coalesce(title, '') || ' ' || coalesce(text, ''), '/.:-_@?&=#', '          ')));
