"""The edge: the only process kind that speaks HTTP.

Owns what stands between a socket and a handler: who asks, whether they may, limits, CSRF, security headers,
errors as problem+json or pages, Idempotency-Key, the cache of public answers, streams, health, metrics, the
API's description. Owns the schema `edge` (kept replies). Does not own: any route of a service (their
`api.py`), any page (storefront, admin), any rule of the shop.
"""
