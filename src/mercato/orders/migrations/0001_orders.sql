create table orders.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on orders.outbox (position) where sent_seq is null;
create table orders.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table orders.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

create table orders.orders (
  id uuid primary key,
  cart_id uuid not null,
  number text not null,
  status text not null check (status in ('draft', 'placed', 'completed', 'canceled', 'expired')),
  payment_status text not null default 'none',
  fulfillment_status text not null default 'unfulfilled',
  return_status text not null default 'none',
  version int not null default 1,
  -- placing: which try, what is awaited, when the sweeper may take it up
  attempt int not null default 1,
  awaiting text check (awaiting in ('shopper', 'provider', 'release', 'recovery')),
  due timestamptz,
  waiting_since timestamptz,
  waiting_until timestamptz,
  tries int not null default 0,
  parked_at timestamptz,
  last_error text,
  decline_code text,
  provider text not null,
  payment_token text,
  return_url text,
  cart_token_digest bytea,
  -- who bought
  customer_id uuid,
  email text not null,
  name text not null,
  locale text not null,
  channel text not null,
  currency text not null,
  -- what it costs, minor units
  subtotal bigint not null,
  discount bigint not null check (discount >= 0),
  delivery_price bigint not null check (delivery_price >= 0),
  tax bigint not null check (tax >= 0),
  tax_included boolean not null,
  total bigint not null check (total >= 0),
  paid_by_credit bigint not null default 0,
  due_amount bigint not null check (due_amount >= 0),
  -- what has been paid, sums over orders.payments
  authorized bigint not null default 0,
  captured bigint not null default 0,
  refunded bigint not null default 0,
  voided bigint not null default 0,
  item_count int not null,
  shipping_address jsonb not null,
  billing_address jsonb not null,
  delivery jsonb not null,
  tax_lines jsonb not null,
  coupons text[] not null,
  note text,
  created_at timestamptz not null,
  placed_at timestamptz,
  paid_at timestamptz,
  completed_at timestamptz,
  canceled_at timestamptz,
  canceled_by text,
  cancel_reason text
) with (fillfactor = 70);
create unique index orders_cart on orders.orders (cart_id);
create unique index orders_number on orders.orders (number);
create index orders_due on orders.orders (due) where due is not null;
create index orders_parked on orders.orders (parked_at) where parked_at is not null;
create index orders_customer on orders.orders (customer_id, id) where customer_id is not null;
create index orders_email on orders.orders (lower(email), id) where placed_at is not null;
create index orders_placed on orders.orders (placed_at, id) where placed_at is not null;
create index orders_total on orders.orders (total, id) where placed_at is not null;
create index orders_in_work on orders.orders (placed_at, id) where status = 'placed';
create index orders_unplaced on orders.orders (id) where status in ('draft', 'expired');

-- Lines belong to an attempt: a second try after a decline may hold other goods.
create table orders.lines (
  order_id uuid not null references orders.orders,
  attempt int not null,
  position int not null,
  id uuid not null,
  variant_id uuid not null,
  product_id uuid not null,
  slug text not null,
  name text not null,
  options jsonb not null,
  sku text not null,
  image text,
  quantity int not null check (quantity > 0),
  quantity_fulfilled int not null default 0 check (quantity_fulfilled between 0 and quantity),
  unit_price bigint not null,
  list_price bigint not null,
  discounts jsonb not null,
  tax bigint not null,
  total bigint not null,
  primary key (order_id, attempt, position)
) with (fillfactor = 80);

create table orders.timeline (
  order_id uuid not null references orders.orders,
  id bigint generated always as identity,
  at timestamptz not null,
  kind text not null,
  actor text not null,
  text text not null,
  data jsonb not null default '{}',
  primary key (order_id, id)
);

-- Our copy of what payments says: cumulative amounts only grow, so late and double news do no harm.
create table orders.payments (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  provider text not null,
  authorized bigint not null,
  captured bigint not null,
  refunded bigint not null,
  voided bigint not null
) with (fillfactor = 70);
create index payments_of_order on orders.payments (order_id);

create table orders.fulfillments (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  status text not null check (status in ('pending', 'packed', 'shipped', 'delivered', 'canceled')),
  carrier text,
  tracking_number text,
  tracking_url text,
  created_at timestamptz not null,
  created_by text not null,
  shipped_at timestamptz,
  delivered_at timestamptz,
  canceled_at timestamptz
) with (fillfactor = 70);
create index fulfillments_of_order on orders.fulfillments (order_id);

create table orders.fulfillment_lines (
  fulfillment_id uuid not null references orders.fulfillments,
  line_id uuid not null,
  quantity int not null check (quantity > 0),
  primary key (fulfillment_id, line_id)
);

-- What somebody decided and other services still have to do; kept until it is done.
create table orders.intents (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  kind text not null,
  key text not null unique,
  amount bigint,
  actor text not null,
  reason text not null default '',
  data jsonb not null default '{}',
  created_at timestamptz not null,
  due timestamptz,
  tries int not null default 0,
  parked_at timestamptz,
  done_at timestamptz,
  error_code text,
  error text
) with (fillfactor = 70);
create index intents_due on orders.intents (due) where due is not null;
create index intents_parked on orders.intents (parked_at) where parked_at is not null;
create index intents_of_order on orders.intents (order_id);

-- The books of sales: one row per fact, written by the statement that makes it true.
create table orders.sales (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  kind text not null check (kind in ('sale', 'refund', 'cancellation')),
  at timestamptz not null,
  channel text not null,
  currency text not null,
  units int not null,
  amount bigint not null
);
create index sales_at on orders.sales (at);
create index sales_of_order on orders.sales (order_id);

-- What staff type to find an order: number, e-mail, names, SKUs.
create table orders.search (
  order_id uuid primary key references orders.orders,
  terms tsvector not null
);
create index search_terms on orders.search using gin (terms);
