-- Who wants one mail when a variant is back in stock. client is a digest: it counts what one address asks for.
create table notifications.stock_alerts (
  id uuid primary key,
  variant_id uuid not null,
  email text not null,
  locale text not null,
  name text not null,
  path text not null,
  client bytea not null,
  created_at timestamptz not null,
  notified_at timestamptz
);
create unique index stock_alerts_once on notifications.stock_alerts (variant_id, lower(email));
create index stock_alerts_of_email on notifications.stock_alerts (lower(email));
create index stock_alerts_of_client on notifications.stock_alerts (client, created_at);
create index stock_alerts_age on notifications.stock_alerts (created_at);
