"""The edge: the only process kind that speaks HTTP.

Owns what stands between a socket and a handler: who asks, whether they may, limits, CSRF, security headers,
errors as problem+json or pages, Idempotency-Key, the cache of public answers, streams, health, metrics, the
API's description, reports of browsers. Owns the schema `edge` (kept replies, policy reports, failures). Does
not own: any route of a service (their `api.py`), any page (storefront, admin), any rule of the shop.
"""

from functools import partial

from mercato.edge import policy_reports, shared_guesses
from mercato.edge.idempotency import PURGE_EVERY_S, Replies
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service


def build(runtime: Runtime) -> Service:
    """The edge's work in the background; `create_app` builds its door."""
    database = runtime.database("edge")
    replies = Replies(database)
    purge_failures = partial(shared_guesses.purge, database)
    purge_reports = partial(policy_reports.purge, database)
    schedules = (
        Schedule(name="edge-purge-replies", every_s=PURGE_EVERY_S, run=replies.purge),
        Schedule(name="edge-purge-policy-reports", every_s=policy_reports.PURGE_EVERY_S, run=purge_reports),
        Schedule(name="edge-purge-failures", every_s=shared_guesses.PURGE_EVERY_S, run=purge_failures),
    )
    return Service(impl=replies, schedules=schedules)
