-- What shoppers of channels that sell from some locations only are told; those of the others see `availability`.
alter table catalog.variants add column channel_availability jsonb not null default '{}';
