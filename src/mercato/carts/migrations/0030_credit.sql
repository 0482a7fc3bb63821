-- Gift cards applied to the cart, by account, and whether its customer's store credit pays too.
alter table carts.carts add column gift_cards uuid[] not null default '{}';
alter table carts.carts add column use_credit boolean not null default false;
