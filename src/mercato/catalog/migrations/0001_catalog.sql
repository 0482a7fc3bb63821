create table catalog.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on catalog.outbox (position) where sent_seq is null;
create table catalog.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table catalog.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

create table catalog.channels (
  code text primary key,
  id uuid not null unique,
  name text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  locale text not null,
  countries text[] not null,
  prices_include_tax boolean not null,
  is_active boolean not null default true);
insert into catalog.channels (code, id, name, currency, locale, countries, prices_include_tax)
values ('default', gen_random_uuid(), 'Default', 'EUR', 'en',
  '{AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,PL,PT,RO,SE,SI,SK}', true);

-- What pages say about the shop as a whole.
create table catalog.shops (
  channel text primary key references catalog.channels (code),
  name text not null,
  tagline text not null,
  announcement text not null,
  hero jsonb,
  version int not null default 1);

create table catalog.attributes (
  code text primary key,
  id uuid not null unique,
  label text not null,
  kind text not null check (kind in ('select', 'multiselect', 'swatch', 'number', 'text', 'rich_text', 'boolean', 'date')),
  unit text,
  allowed_values jsonb not null,
  is_filterable boolean not null,
  position int not null);

create table catalog.product_types (
  code text primary key,
  id uuid not null unique,
  name text not null,
  product_attributes text[] not null,
  variant_attributes text[] not null,
  version int not null default 1);
insert into catalog.product_types (code, id, name, product_attributes, variant_attributes)
values ('default', gen_random_uuid(), 'Default', '{}', '{}');

-- A tree by materialized path: the slugs from the root, and the ids from the root to the category itself.
create table catalog.categories (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  description text not null,
  parent_id uuid references catalog.categories (id),
  path text not null unique,
  lineage uuid[] not null,
  position int not null,
  image jsonb,
  version int not null default 1);

create table catalog.collections (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  description text not null,
  position int not null,
  version int not null default 1);

create table catalog.products (
  id uuid primary key,
  slug text not null unique,
  name text not null,
  maker text not null,
  description text not null,
  status text not null check (status in ('draft', 'active', 'archived')),
  product_type text not null references catalog.product_types (code),
  category_id uuid references catalog.categories (id),
  attributes jsonb not null,
  details jsonb not null,
  options jsonb not null,
  seo_title text not null,
  seo_description text not null,
  tax_class text not null,
  external_reference text unique,
  units_sold bigint not null default 0,
  version int not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null) with (fillfactor = 85);
create index products_by_category on catalog.products (category_id);
create index products_by_update on catalog.products (updated_at, id);

-- Slugs that were: of a renamed product they redirect, of a deleted one they say that it is gone.
create table catalog.old_slugs (
  slug text primary key,
  product_id uuid not null);
create index old_slugs_by_product on catalog.old_slugs (product_id);

create table catalog.variants (
  id uuid primary key,
  product_id uuid not null references catalog.products (id) on delete cascade,
  sku text not null unique,
  barcode text,
  options jsonb not null,
  weight_g int not null,
  image_ids uuid[] not null,
  position int not null,
  availability text not null default 'out' check (availability in ('in_stock', 'low', 'out', 'backorder')),
  -- Opening stock that the stock service has not taken over yet; null when it has.
  opening_stock int) with (fillfactor = 85);
create index variants_by_product on catalog.variants (product_id, position);
create index variants_not_registered on catalog.variants (id) where opening_stock is not null;

create table catalog.prices (
  variant_id uuid not null references catalog.variants (id) on delete cascade,
  channel text not null references catalog.channels (code),
  price_amount bigint not null check (price_amount >= 0),
  compare_at_amount bigint,
  -- Lowest price in force during the 30 days before this one began; null when there was none.
  lowest_30d_amount bigint,
  since timestamptz not null,
  primary key (variant_id, channel)) with (fillfactor = 85);

-- Prices that were in force, from `since` until `until`: what lowest_30d_amount is computed from.
create table catalog.former_prices (
  variant_id uuid not null references catalog.variants (id) on delete cascade,
  channel text not null,
  price_amount bigint not null,
  since timestamptz not null,
  until timestamptz not null);
create index former_prices_by_variant on catalog.former_prices (variant_id, channel, until);

create table catalog.collection_products (
  collection_id uuid not null references catalog.collections (id) on delete cascade,
  product_id uuid not null references catalog.products (id) on delete cascade,
  primary key (product_id, collection_id));
create index collection_products_by_collection on catalog.collection_products (collection_id);

create table catalog.images (
  id uuid primary key,
  product_id uuid not null references catalog.products (id) on delete cascade,
  key text not null,
  alt text not null,
  width int not null,
  height int not null,
  position int not null,
  unique (product_id, key));
create index images_by_key on catalog.images (key);

-- The last transaction that changed what search knows of a product. Each host's index reads on from the oldest
-- transaction that was open when it last looked, so that a late commit is never missed. Deleted products stay.
create table catalog.changes (
  product_id uuid primary key,
  xid bigint not null) with (fillfactor = 70);
create index changes_by_xid on catalog.changes (xid);
