-- Keys with which programs call the API. After a rotation the previous secret may work for a while.
create table users.api_keys (
  id uuid primary key,
  name text not null,
  prefix text not null,
  token_hash bytea not null unique,
  previous_hash bytea unique,
  previous_until timestamptz,
  permissions text[] not null,
  channel text,
  created_by uuid references users.users on delete set null,
  created_at timestamptz not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  version int not null default 1
) with (fillfactor = 80);
create index api_keys_newest on users.api_keys (created_at desc, id desc);
