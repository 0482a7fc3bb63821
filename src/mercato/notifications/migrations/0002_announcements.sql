-- Mails about orders that were sent and of which nobody has been told yet; many leave as one event.
create table notifications.announcements (
  message_id uuid primary key,
  order_id uuid not null,
  template text not null,
  recipient text not null,
  sent_at timestamptz not null
);
