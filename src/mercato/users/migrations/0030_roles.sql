-- Where a role holds: null is everywhere, otherwise only in these channels.
alter table users.roles add column channels text[] check (channels is null or cardinality(channels) > 0);
alter table users.roles add column description text not null default '';
alter table users.roles add column updated_at timestamptz;
