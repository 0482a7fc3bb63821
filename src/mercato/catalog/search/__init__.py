"""Search: this host's copy of the catalog as an embedded index, thrown away and rebuilt at will.

Owns the index folder, its schema and queries, and the follower that keeps it up with the tables. Does not own
products: the tables are the truth, and listings fall back to them when the index fails.
"""
