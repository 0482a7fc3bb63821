create table users.outbox (id uuid primary key, position bigint generated always as identity, subject text not null, key uuid not null, body bytea not null,
  at timestamptz not null default now(), sent_seq bigint);
create index outbox_unsent on users.outbox (position) where sent_seq is null;
create table users.inbox (consumer text not null, event_id uuid not null, at timestamptz not null default now(), primary key (consumer, event_id));
create table users.dead_letters (id uuid primary key, consumer text not null, event_id uuid not null, subject text not null, body bytea not null, error text not null,
  deliveries int not null, at timestamptz not null default now(), resolved_at timestamptz, resolution text);

-- An account without confirmed_at has no password yet: the one that was typed waits with its token, so
-- that whoever typed it first for an address of somebody else gains nothing.
create table users.users (
  id uuid primary key,
  email text not null,
  email_key text not null unique,
  name text not null,
  phone text,
  locale text not null default 'en',
  password_hash text,
  is_active boolean not null default true,
  confirmed_at timestamptz,
  last_sign_in_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  version int not null default 1
);
create index users_newest on users.users (created_at desc, id desc);

create table users.roles (
  code text primary key,
  name text not null,
  permissions text[] not null,
  is_seeded boolean not null default false,
  version int not null default 1,
  created_at timestamptz not null default now()
);

create table users.user_roles (
  user_id uuid not null references users.users on delete cascade,
  role_code text not null references users.roles,
  granted_by uuid,
  granted_at timestamptz not null,
  primary key (user_id, role_code)
);
create index user_roles_by_role on users.user_roles (role_code);

-- One row per browser that is signed in, or per family of refresh tokens.
create table users.sessions (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  token_hash bytea unique,
  user_agent text not null,
  client_address text not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  idle_s int not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text
) with (fillfactor = 80);
create index sessions_of_user on users.sessions (user_id) where ended_at is null;
create index sessions_by_end on users.sessions (expires_at);

create table users.refresh_tokens (
  token_hash bytea primary key,
  session_id uuid not null references users.sessions on delete cascade,
  created_at timestamptz not null,
  spent_at timestamptz
);
create index refresh_tokens_of_session on users.refresh_tokens (session_id);

create table users.email_tokens (
  token_hash bytea primary key,
  user_id uuid not null references users.users on delete cascade,
  purpose text not null check (purpose in ('confirm', 'reset')),
  name text,
  password_hash text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index email_tokens_of_user on users.email_tokens (user_id);
create index email_tokens_by_end on users.email_tokens (expires_at);

create table users.throttles (
  key bytea primary key,
  tries int not null,
  blocked_until timestamptz not null,
  last_at timestamptz not null
) with (fillfactor = 70);
create index throttles_by_age on users.throttles (last_at);

create table users.addresses (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  name text not null,
  company text,
  street1 text not null,
  street2 text,
  postal_code text not null,
  city text not null,
  region text,
  country text not null,
  phone text,
  is_default boolean not null default false,
  created_at timestamptz not null
);
create index addresses_of_user on users.addresses (user_id);
create unique index addresses_one_default on users.addresses (user_id) where is_default;

-- The private half is sealed with a key that is derived from the setting secret_key.
create table users.signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  sealed_private bytea not null,
  created_at timestamptz not null,
  retired_at timestamptz
);
