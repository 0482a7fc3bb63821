create table edge.policy_reports (
  directive text not null,
  blocked text not null,
  page text not null,
  count bigint not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (directive, blocked, page)
) with (fillfactor = 70);
comment on table edge.policy_reports is 'What browsers refused on our pages, one row for each kind; anybody may send reports, so rows are few and short';
