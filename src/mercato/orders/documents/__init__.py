"""The papers of an order: what stands on them (`content`) and how that is laid out (`sheets`, `templates`).

Issuing is in `orders.actions.papers`, SQL in `orders.store.papers`.
"""
