-- What gift cards and store credit pay of the order: [{account_id, kind, label, amount}].
alter table orders.orders add column credits jsonb not null default '[]';
