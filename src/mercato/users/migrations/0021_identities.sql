-- An account elsewhere that signs in to one of ours: the subject of an OpenID provider.
create table users.identities (
  id uuid primary key,
  user_id uuid not null references users.users on delete cascade,
  provider text not null,
  issuer text not null,
  subject text not null,
  email text not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  unique (issuer, subject)
);
create index identities_of_user on users.identities (user_id);
