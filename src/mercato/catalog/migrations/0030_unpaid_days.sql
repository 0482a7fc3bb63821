-- After how many days without money an order that is paid outside is canceled; null: never.
alter table catalog.channels add column unpaid_days int;
