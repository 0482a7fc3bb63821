-- Sessions in which somebody of the staff acts for the account: they end soon, and with the rights of either.
create table users.impersonations (
  session_id uuid primary key references users.sessions on delete cascade,
  impersonator_id uuid not null references users.users on delete cascade
);
create index impersonations_by_actor on users.impersonations (impersonator_id);

-- The account in which this one was merged.
alter table users.users add column merged_into uuid;

-- Who may join the staff; the roles are given when the link of the mail is used.
create table users.invitations (
  id uuid primary key,
  email text not null,
  email_key text not null,
  name text not null,
  roles text[] not null,
  token_hash bytea not null unique,
  invited_by uuid references users.users on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  accepted_at timestamptz,
  revoked_at timestamptz
);
create index invitations_newest on users.invitations (created_at desc, id desc);
