"""The verbs of accounts, one module per group of them."""
