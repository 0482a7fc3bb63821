-- Promotions with every condition and reward, limits by customer and budget.
alter table carts.promotions
  add column scope text, add column buy_quantity int, add column get_quantity int, add column get_product_ids uuid[] not null default '{}',
  add column gift_variant_id uuid, add column gift_quantity int not null default 1, add column minimum_quantity int,
  add column product_ids uuid[] not null default '{}', add column collection_ids uuid[] not null default '{}', add column whole_cart bool not null default false,
  add column group_ids uuid[] not null default '{}', add column first_order bool not null default false, add column countries text[] not null default '{}',
  add column needs_code bool not null default false, add column customer_limit int, add column budget bigint, add column spent bigint not null default 0,
  add column is_exclusive bool not null default false;

-- Generated codes. `used` counts redemptions, as it does on promotions.
create table carts.coupons (
  id uuid primary key, promotion_id uuid not null references carts.promotions on delete cascade, channel text not null, code text not null, batch text not null,
  usage_limit int, used int not null default 0 check (used >= 0), is_active bool not null default true, created_at timestamptz not null) with (fillfactor = 90);
create unique index coupons_code on carts.coupons (channel, lower(code));
create index coupons_promotion on carts.coupons (promotion_id, id);

-- A use knows what it gave and by which code.
alter table carts.redemptions add column amount bigint not null default 0, add column coupon_id uuid, add column code text;
-- By what a customer is known again: the account's id, and the digest of the e-mail in lower case.
create function carts.customer_keys(account uuid, email text) returns bytea[] language sql stable
  return array_remove(array[uuid_send(account), sha256(convert_to(lower(email), 'UTF8'))], null);
-- Who used what, where a customer may use it only so often.
create table carts.customer_uses (key bytea not null, promotion_id uuid not null references carts.promotions on delete cascade, cart_id uuid not null, primary key (key, promotion_id, cart_id));
create index customer_uses_cart on carts.customer_uses (cart_id);
create index customer_uses_promotion on carts.customer_uses (promotion_id);

-- Who has ever had an order placed, by the same keys.
create table carts.buyers (key bytea primary key);
insert into carts.buyers (key) select distinct unnest(carts.customer_keys(customer_id, email)) from carts.carts where status = 'completed';

create table carts.customer_groups (id uuid primary key, name text not null, is_tax_exempt bool not null, version int not null default 1);
create unique index customer_groups_name on carts.customer_groups (lower(name));
create table carts.group_members (group_id uuid not null references carts.customer_groups on delete cascade, customer_id uuid not null, primary key (group_id, customer_id));
create index group_members_customer on carts.group_members (customer_id);

create table carts.price_lists (
  id uuid primary key, name text not null, channel text not null, group_ids uuid[] not null, starts_at timestamptz, ends_at timestamptz,
  priority int not null, is_active bool not null, version int not null default 1);
create table carts.list_prices (
  price_list_id uuid not null references carts.price_lists on delete cascade, variant_id uuid not null, min_quantity int not null check (min_quantity >= 1),
  price bigint not null check (price >= 0), primary key (price_list_id, variant_id, min_quantity));
create index list_prices_variant on carts.list_prices (variant_id);

create table carts.tax_classes (id uuid primary key, code text not null unique, name text not null, version int not null default 1);
insert into carts.tax_classes (id, code, name)
  select gen_random_uuid(), code, initcap(replace(code, '_', ' ')) from (select 'standard' as code union select tax_class from carts.tax_rates union select tax_class from carts.delivery_methods) known;
create table carts.tax_zones (
  id uuid primary key, name text not null, countries text[] not null, regions text[] not null, postal_prefixes text[] not null, rates jsonb not null, version int not null default 1);

alter table carts.carts add column tax_id text;
