"""All SQL of orders, by what it is about.

`placing` and `resuming`: drafts · `reading`: views and lists · `after`: the life after the sale · `intents`: work
left for other services · `figures`: sales, counts, verification.
"""
