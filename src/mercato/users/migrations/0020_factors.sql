-- When the person behind a session last proved who they are, and whether with a second factor.
-- A session from before has proved it when it began.
alter table users.sessions add column proven_at timestamptz;
alter table users.sessions add column has_mfa boolean not null default false;

-- Whoever holds such a role has its rights only in a session with a second factor.
alter table users.roles add column requires_mfa boolean not null default false;

-- A password shorter than usual is allowed beside a second factor, and must be changed before the last one goes.
alter table users.users add column has_short_password boolean not null default false;

-- An authenticator app. The secret is sealed with a key that is derived from the setting secret_key. Until
-- it is confirmed by a first code it protects nothing; a time step is accepted once.
create table users.authenticators (
  user_id uuid primary key references users.users on delete cascade,
  sealed_secret bytea not null,
  created_at timestamptz not null,
  confirmed_at timestamptz,
  last_step bigint not null default 0,
  last_used_at timestamptz
);

create table users.recovery_codes (
  user_id uuid not null references users.users on delete cascade,
  code_hash bytea not null,
  created_at timestamptz not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

create table users.passkeys (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  credential_id bytea not null unique,
  public_key bytea not null,
  sign_count bigint not null,
  name text not null,
  transports text[] not null,
  is_synced boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_of_user on users.passkeys (user_id);

-- A step that waits for its second half: a sign-in for its second factor, a passkey for its signature, a
-- visit to an identity provider for its return. Used once; `data` is sealed where it holds secrets.
create table users.challenges (
  token_hash bytea primary key,
  purpose text not null,
  user_id uuid references users.users on delete cascade,
  session_id uuid references users.sessions on delete cascade,
  data bytea not null,
  tries int not null default 0,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index challenges_of_user on users.challenges (user_id) where user_id is not null;
create index challenges_of_session on users.challenges (session_id) where session_id is not null;
create index challenges_by_end on users.challenges (expires_at);
