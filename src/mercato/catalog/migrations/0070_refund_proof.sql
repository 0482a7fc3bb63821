-- In minor units of the channel's currency: whoever refunds more at once proves again who they are.
-- Without a value it is 500 of the currency.
alter table catalog.channels add column refund_proof_above bigint;
