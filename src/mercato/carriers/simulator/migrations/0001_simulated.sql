-- Another company's books: carriers reaches them only through the carrier port.
create table simulated_carrier.parcels (
  key text primary key,
  tracking_number text not null unique,
  service text not null,
  price bigint not null,
  currency text not null,
  sender jsonb not null,
  recipient jsonb not null,
  weight_g int not null,
  at timestamptz not null
);
create table simulated_carrier.scans (
  id bigint generated always as identity primary key,
  tracking_number text not null references simulated_carrier.parcels (tracking_number),
  status text not null,
  place text not null,
  text text not null,
  at timestamptz not null,
  unique (tracking_number, status)
);
create table simulated_carrier.webhooks (
  scan_id bigint primary key references simulated_carrier.scans,
  tracking_number text not null,
  delivered_at timestamptz
);
create index webhooks_waiting on simulated_carrier.webhooks (scan_id) where delivered_at is null;
create table simulated_carrier.faults (only_one boolean primary key default true check (only_one), fault text not null);
