-- A grant that takes back what another one of the order promised and nobody sent. Each is taken back once.
alter table orders.grants add column withdraws uuid;
-- The column is new, so that this partial index is empty and made at once.
-- squawk-ignore require-concurrent-index-creation
create unique index grants_withdraws on orders.grants (withdraws) where withdraws is not null;

-- What was promised back and not sent yet is due, and was not paid too much.
update orders.orders set payment_status = 'refund_due'
  where payment_status = 'overpaid' and credited > 0 and captured - refunded <= total;
