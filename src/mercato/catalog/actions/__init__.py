"""The verbs of the catalog's staff. Each opens its own transaction and announces what it changed."""
