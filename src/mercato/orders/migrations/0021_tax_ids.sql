-- The buyer's VAT number as it was checked when the order was placed: invoices have to name it.
alter table orders.orders add column tax_id text;
