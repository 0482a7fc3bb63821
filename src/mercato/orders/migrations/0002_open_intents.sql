-- Only open intents are looked for by order, and there are few of them.
drop index orders.intents_of_order;
create index intents_open on orders.intents (order_id) where done_at is null;
