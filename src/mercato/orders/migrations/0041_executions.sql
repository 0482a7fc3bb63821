-- Refunds by amount only, and what begins at the provider: the intent that sent the money made the grant.
alter table orders.grants add column intent_id uuid;

-- The refunds of an order are read with it: few of all intents.
-- squawk-ignore require-concurrent-index-creation
create index intents_refunds on orders.intents (order_id) where kind = 'refund';
