"""All SQL of orders: `placing` (drafts), `reading` (views, lists), `after` (the life after the sale),
`intents` (work left for other services), `figures` (sales, counts, verification)."""
