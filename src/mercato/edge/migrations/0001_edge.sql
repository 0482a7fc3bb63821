create table edge.replies (
  id bytea primary key,
  request_hash bytea not null,
  claim uuid not null,
  leased_until timestamptz not null,
  expires_at timestamptz not null,
  status smallint,
  head bytea,
  body bytea
) with (fillfactor = 70);
comment on table edge.replies is 'First replies to requests with an Idempotency-Key; status is null while the first one still runs';
create index replies_expiry on edge.replies (expires_at);
