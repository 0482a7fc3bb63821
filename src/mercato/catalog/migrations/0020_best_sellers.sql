-- Products that were sold since search last read them: read together, now and then, not with every order.
create table catalog.best_sellers (product_id uuid primary key);
