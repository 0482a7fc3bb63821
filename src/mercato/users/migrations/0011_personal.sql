-- A change of address takes effect when both mailboxes have confirmed it. The new address may be that of
-- another account: then nobody gets its token, and the asker cannot tell.
create table users.email_changes (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  email text not null,
  email_key text not null,
  old_token_hash bytea not null unique,
  new_token_hash bytea not null unique,
  old_confirmed_at timestamptz,
  new_confirmed_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz
);
create index email_changes_of_user on users.email_changes (user_id);

-- Never changed, only added to: the newest row of a purpose says what holds.
create table users.consents (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  purpose text not null,
  is_given boolean not null,
  source text not null,
  client_address text not null,
  at timestamptz not null
);
create index consents_of_user on users.consents (user_id, at desc, id desc);

-- Kinds of devices and the networks from which somebody has signed in, so that a new one is mailed.
create table users.devices (
  user_id uuid not null references users.users on delete cascade,
  fingerprint bytea not null,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  primary key (user_id, fingerprint)
);
create index devices_by_age on users.devices (last_seen_at);

alter table users.users add column deleted_at timestamptz;
-- What was agreed to while registering takes effect with the confirmation.
alter table users.email_tokens add column consents text[] not null default '{}';
