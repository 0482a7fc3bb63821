"""All SQL of payments: `sessions` (attempts and their results), `operations` (capture, void, refund,
webhooks) and `books` (lists, ledger, comparisons)."""
