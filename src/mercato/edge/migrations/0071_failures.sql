create table edge.failures (
  rule text not null,
  who bytea not null,
  count int not null,
  last_at timestamptz not null,
  primary key (rule, who)
) with (fillfactor = 70);
comment on table edge.failures is 'Who failed how often at guessing codes or trying cards: keyed hashes, forgotten after a quarter of an hour. The empty one is everybody: failures since last_at, a minute at most';
