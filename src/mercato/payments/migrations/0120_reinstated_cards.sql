-- A canceled card whose refund was taken back before it was sent is valid again, and as usable as it was.
alter table payments.credit_accounts add column was_active boolean;
-- One more kind; every row that fits the old constraint fits the new one.
-- squawk-ignore ban-drop-constraint
alter table payments.credit_entries drop constraint credit_entries_kind_check;
alter table payments.credit_entries add constraint credit_entries_kind_check
  check (kind in ('issued', 'spent', 'returned', 'adjusted', 'expired', 'canceled', 'reinstated')) not valid;
