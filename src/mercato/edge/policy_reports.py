"""Reports of browsers about what our pages' policy forbade: read with distrust, counted, kept in few rows.

Anybody may send reports, so nothing of them is kept that somebody could fill at will: a directive is one of
those that exist, a page is the template of one of our addresses, another site is its origin alone. Reports
about pages of others, and those beyond the rate or the rows, are counted as dropped and forgotten.
"""

import re
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from mercato.edge.store import clear_reports, latest_reports, note_reports, purge_reports
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.policy_reports import PolicyReport
from mercato.kernel.telemetry.metrics import Metrics

MAX_IN_A_BODY = 20
MAX_IN_A_MINUTE = 60
"""Reports that one process writes down in a minute."""
MAX_BLOCKED = 200
KEPT_FOR = timedelta(days=30)
PURGE_EVERY_S = 86_400
DIRECTIVES = frozenset(
    {
        "default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem",
        "style-src-attr", "font-src", "connect-src", "img-src", "media-src", "object-src", "frame-src",
        "child-src", "worker-src", "manifest-src", "prefetch-src", "base-uri", "form-action",
        "frame-ancestors", "sandbox", "trusted-types", "require-trusted-types-for",
    }
)  # fmt: skip
KEYWORDS = frozenset({"inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "self"})
UNKNOWN_PAGE = "(no page of the shop)"

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}")

Told = tuple[str, str, str]
"""Directive, blocked, page."""


class KeptPolicyReports:
    """Implements `kernel.policy_reports.PolicyReports` for one process over the shop's one table."""

    def __init__(self, database: Database, metrics: Metrics, hosts: frozenset[str]) -> None:
        self._db = database
        self._hosts = hosts
        self._minute, self._in_minute = 0, 0
        self.template_of: Callable[[str], str | None] = lambda path: None
        """Path → template of the page there; the gate knows it."""
        text = "Reports of browsers about the content security policy."
        self._kept = metrics.counter("mercato_policy_reports_total", text, outcome="kept")
        self._dropped = metrics.counter("mercato_policy_reports_total", text, outcome="dropped")

    async def take(self, body: bytes, host: str) -> None:
        """Count the reports in a body of either format, sent to `host`; anything that is none is ignored."""
        hosts = self._hosts | {host.lower()}
        told = [self._told(each, hosts) for each in _violations(body)]
        known = [each for each in told if each is not None][: self._room()]
        self._in_minute += len(known)
        tally = sorted(Tally(known).items())  # in one order, so that two processes never wait for each other
        kept = await note_reports(self._db, tally=tally, now=clock.now()) if tally else 0
        self._kept.add(kept)
        self._dropped.add(len(told) - kept)

    async def latest(self, ctx: Context) -> list[PolicyReport]:
        ctx.principal.require("read_system")
        return await latest_reports(self._db)

    async def clear(self, ctx: Context) -> None:
        ctx.principal.require("write_system")
        await clear_reports(self._db)

    def _room(self) -> int:
        minute = int(clock.monotonic_s() // 60)
        if minute != self._minute:
            self._minute, self._in_minute = minute, 0
        return max(0, MAX_IN_A_MINUTE - self._in_minute)

    def _told(self, found: dict[str, Any], hosts: frozenset[str]) -> Told | None:
        page = _split(_text(found, "document-uri", "documentURL"))
        directive = _text(found, "effective-directive", "effectiveDirective", "violated-directive")
        directive = directive.partition(" ")[0].lower()
        if page.netloc.lower() not in hosts or directive not in DIRECTIVES:
            return None
        blocked = self._blocked(_text(found, "blocked-uri", "blockedURL"), hosts)
        return directive, blocked, self.template_of(page.path) or UNKNOWN_PAGE

    def _blocked(self, said: str, hosts: frozenset[str]) -> str:
        if said in KEYWORDS:
            return said
        parts = _split(said)
        if parts.scheme not in ("http", "https", "ws", "wss"):
            scheme = (parts.scheme or said).lower()
            return scheme if _SCHEME.fullmatch(scheme) else "(unknown)"
        if parts.netloc.lower() in hosts:
            return self.template_of(parts.path) or UNKNOWN_PAGE
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"[:MAX_BLOCKED]


async def purge(database: Database) -> None:
    """Forget what was not seen for a month."""
    await purge_reports(database, before=clock.now() - KEPT_FOR)


def _violations(body: bytes) -> Iterator[dict[str, Any]]:
    """The reports in a body: one of `report-uri`, or several of the Reporting API."""
    try:
        decoded: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    for each in decoded[:MAX_IN_A_BODY] if isinstance(decoded, list) else [decoded]:
        if isinstance(each, dict):
            found = each.get("csp-report") or (each.get("type") == "csp-violation" and each.get("body"))
            if isinstance(found, dict):
                yield found


def _text(found: dict[str, Any], *names: str) -> str:
    value = next((found[name] for name in names if isinstance(found.get(name), str)), "")
    return value if value.isprintable() else ""


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
