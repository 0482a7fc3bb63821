-- Addresses by which the shop has known an account before: what is kept under them is still that person's.
create table users.former_emails (
  user_id uuid not null references users.users on delete cascade,
  email_key text not null,
  until timestamptz not null,
  primary key (user_id, email_key)
);
