"""A payment provider that moves no money: scripted by token, with its own books and its own webhooks.

Owns the schema `simulator`, which stands for another company's system: payments reaches it only through
the provider port, and tests read its ledger as the truth. Refused in production.
"""
