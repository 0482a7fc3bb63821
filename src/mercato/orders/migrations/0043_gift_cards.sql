-- Of a line that is a gift card: for whom, {recipient}. It needs no stock and no parcel.
alter table orders.lines add column gift_card jsonb;
