-- Promises are looked up by their owner, whose key begins the primary key.
drop index stock.allocations_level;
