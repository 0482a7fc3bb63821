create table notifications.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on notifications.outbox (position) where sent_seq is null;
create table notifications.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table notifications.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- One row per message; the unique triple is what lets an event be replayed without a second mail.
-- data holds what the event said, secrets included until they are of no more use; html and text are the
-- copy for staff, in which secrets are hidden.
create table notifications.messages (
  id uuid primary key,
  event_id uuid not null,
  about uuid not null,
  recipient text not null,
  template text not null,
  locale text not null,
  data jsonb not null,
  subject text not null default '',
  html text not null default '',
  text text not null default '',
  status text not null check (status in ('queued', 'sent', 'failed')),
  tries int not null default 0,
  due_at timestamptz not null,
  provider text,
  error text,
  created_at timestamptz not null,
  sent_at timestamptz,
  unique (event_id, recipient, template)
) with (fillfactor = 80);
create index messages_due on notifications.messages (due_at) where status = 'queued';
create index messages_newest on notifications.messages (created_at desc, id desc);
create index messages_of_recipient on notifications.messages (lower(recipient), created_at desc, id desc);
create index messages_about on notifications.messages (about);

-- What the development mailbox received, as a mail server would have it.
create table notifications.mailbox (
  id uuid primary key,
  message_id uuid not null references notifications.messages on delete cascade,
  template text not null,
  recipient text not null,
  subject text not null,
  html text not null,
  text text not null,
  received_at timestamptz not null
);
create index mailbox_newest on notifications.mailbox (received_at desc, id desc);
create index mailbox_of_recipient on notifications.mailbox (lower(recipient), received_at desc, id desc);
create index mailbox_of_message on notifications.mailbox (message_id);
