"""The verbs of orders, one file each."""
