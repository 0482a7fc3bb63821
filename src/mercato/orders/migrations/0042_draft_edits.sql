-- Draft orders can be changed: what was asked for, and the change that is being made.
alter table orders.drafts add column version int not null default 1;
alter table orders.drafts add column wish jsonb;
-- {wish, cart_id, promotion_id, expires_at, actor}: the cart that takes the place of the present one.
alter table orders.drafts add column next jsonb;
alter table orders.drafts add column next_at timestamptz;
-- The column is new, so that this partial index is empty and made at once.
-- squawk-ignore require-concurrent-index-creation
create index drafts_changing on orders.drafts (next_at) where next is not null;
