-- Orders that staff prepares for a customer: a cart of its own, paid by link or marked as paid. The order, once
-- placed, is that of the cart.
create table orders.drafts (
  id uuid primary key,
  cart_id uuid not null unique,
  status text not null check (status in ('open', 'sent', 'placed', 'canceled', 'expired')),
  channel text not null,
  locale text not null,
  email text not null,
  customer_id uuid,
  promotion_id uuid,
  note text not null default '',
  created_at timestamptz not null,
  created_by text not null,
  sent_at timestamptz,
  closed_at timestamptz,
  expires_at timestamptz not null
) with (fillfactor = 80);
create index drafts_created on orders.drafts (created_at, id);
create index drafts_live on orders.drafts (expires_at) where status in ('open', 'sent');
