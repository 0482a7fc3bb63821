-- When the person was taken out of the order; what the books need stays.
alter table orders.orders add column erased_at timestamptz;
