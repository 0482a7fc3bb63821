-- Products of this type are gift cards: bought like goods, issued when the order is paid.
insert into catalog.product_types (code, id, name, product_attributes, variant_attributes)
values ('gift_card', gen_random_uuid(), 'Gift card', '{}', '{}') on conflict (code) do nothing;
