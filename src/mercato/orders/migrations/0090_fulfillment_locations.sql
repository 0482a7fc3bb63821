-- A parcel leaves from one stock location; null for parcels from before that was kept.
alter table orders.fulfillments add column location_id uuid;
