create table carts.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on carts.outbox (position) where sent_seq is null;
create table carts.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table carts.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- `frozen` is the priced cart while it is being completed: asked again, it is the same to the unit. `frozen_at` is set until it is decided.
-- No index names a column that ordinary edits change, so that they stay heap-only updates.
create table carts.carts (
  id uuid primary key, token_hash bytea not null, status text not null default 'open', channel text not null, currency text not null,
  customer_id uuid, email text, shipping_address jsonb, billing_address jsonb, delivery_method_id uuid, note text, coupons text[] not null default '{}',
  version int not null default 1, created_at timestamptz not null, updated_at timestamptz not null, expires_at timestamptz not null, frozen bytea, frozen_at timestamptz) with (fillfactor = 70);
create index carts_customer on carts.carts (customer_id) where customer_id is not null;
create index carts_expiry on carts.carts (expires_at);
create index carts_frozen on carts.carts (frozen_at) where frozen_at is not null;

-- `custom_hash` is empty without custom data: the same variant with the same data is one line.
create table carts.lines (
  id uuid primary key, cart_id uuid not null references carts.carts on delete cascade, variant_id uuid not null, quantity int not null check (quantity between 1 and 10000),
  custom jsonb, custom_hash bytea not null default '', price_seen bigint, unique (cart_id, variant_id, custom_hash)) with (fillfactor = 70);

create table carts.promotions (
  id uuid primary key, name text not null, label text not null, reward text not null, percent text, amount bigint, minimum_subtotal bigint,
  category_ids uuid[] not null default '{}', coupon_code text, usage_limit int, used int not null default 0 check (used >= 0), starts_at timestamptz, ends_at timestamptz,
  is_active bool not null, priority int not null, channel text not null, version int not null default 1) with (fillfactor = 70);
create unique index promotions_code on carts.promotions (channel, lower(coupon_code)) where coupon_code is not null;

create table carts.redemptions (
  promotion_id uuid not null references carts.promotions on delete cascade, cart_id uuid not null, at timestamptz not null default now(), primary key (promotion_id, cart_id));
create index redemptions_cart on carts.redemptions (cart_id);

create table carts.delivery_methods (
  id uuid primary key, code text not null, name text not null, description text not null, countries text[] not null, price bigint not null, free_above bigint,
  days_min int not null, days_max int not null, cutoff_hour int not null, position int not null, is_active bool not null, channel text not null,
  tax_class text not null, version int not null default 1, unique (channel, code));

create table carts.tax_rates (
  id uuid primary key, name text not null, country text not null, region text, tax_class text not null, rate text not null, version int not null default 1);
create unique index tax_rates_place on carts.tax_rates (country, coalesce(region, ''), tax_class);
