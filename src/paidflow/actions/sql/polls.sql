-- name: insert_option
insert into forum_poll_options (item_id, position, text) values (:item_id, :position, :text);

-- name: select_options
select position, text from forum_poll_options where item_id = :item_id order by position;
