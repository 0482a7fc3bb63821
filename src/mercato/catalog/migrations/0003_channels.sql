-- Times of a channel are shown in its zone, and its days are days there; its payments are taken at once or by staff.
alter table catalog.channels
  add column time_zone text not null default 'UTC',
  add column capture text not null default 'automatic' check (capture in ('automatic', 'manual'));
