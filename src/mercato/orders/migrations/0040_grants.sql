-- Refunds as they were granted: what is promised back of an order, by line, and why. Their amounts sum to its
-- `credited`; a negative one takes a promise back. Sending the money is an intent that names the grant.
create table orders.grants (
  id uuid primary key,
  order_id uuid not null references orders.orders,
  change_id uuid references orders.changes,
  key text unique,
  amount bigint not null check (amount <> 0),
  delivery bigint not null default 0 check (delivery >= 0),
  lines jsonb not null default '[]',
  taxes jsonb not null default '[]',
  reason text not null default '',
  granted_at timestamptz not null,
  granted_by text not null,
  -- when the papers of the order told of it
  papered_at timestamptz
);
create index grants_of_order on orders.grants (order_id);

alter table orders.changes add column papered_at timestamptz;

-- What was promised before it was kept one by one; credit notes of that time told of it.
insert into orders.grants (id, order_id, amount, reason, granted_at, granted_by, papered_at)
  select gen_random_uuid(), o.id, o.credited, '', coalesce(o.paid_at, o.created_at), 'system',
    case when exists (select from orders.documents d where d.order_id = o.id and d.kind = 'credit_note') then now() end
  from orders.orders o where o.credited > 0;
update orders.changes set papered_at = confirmed_at where confirmed_at is not null
  and exists (select from orders.documents d where d.order_id = orders.changes.order_id);
