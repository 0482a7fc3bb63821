-- A grant that takes back what another one promised and nobody sent. Each is taken back once.
alter table orders.grants add column withdraws uuid unique references orders.grants;

-- What was promised back and not sent yet is due, and was not paid too much.
update orders.orders set payment_status = 'refund_due'
  where payment_status = 'overpaid' and credited > 0 and captured - refunded <= total;
