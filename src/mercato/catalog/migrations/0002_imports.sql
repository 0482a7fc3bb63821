-- Uploaded product files; `content` goes when the import has ended.
create table catalog.imports (
  id uuid primary key,
  status text not null check (status in ('queued', 'running', 'done', 'failed')),
  mapping text not null,
  dry_run boolean not null,
  channel text not null,
  content bytea,
  report jsonb not null default '{}',
  errors jsonb not null default '[]',
  message text not null default '',
  created_by text not null,
  created_at timestamptz not null,
  finished_at timestamptz);
