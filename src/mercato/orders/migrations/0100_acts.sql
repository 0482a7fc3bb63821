-- What was done under an Idempotency-Key: a request whose answer was lost, and that is made again, acts once.
create table orders.acts (
  key text primary key,
  at timestamptz not null
);
create index acts_at on orders.acts (at);
