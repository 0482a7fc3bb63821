"""The audit log: who did what to which thing, what it changed, and whether the chain holds."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.admin.lists import address, pushed, turns
from mercato.contracts.audit import Audit, AuditActor, AuditEntry, AuditFilter
from mercato.kernel.errors import MercatoError

PATH = "/admin/audit"
EXPORT = "/api/v1/admin/audit/export"
LIMIT = 50
LINKS = {
    "order": "/admin/orders/{}",
    "product": "/admin/products/{}",
    "user": "/admin/staff/{}",
    "role": "/admin/roles/{}",
}


@get(PATH, permission="read_audit")
async def list_acts(
    desk: Desk,
    audit: Audit,
    act: str = "",
    actor: str = "",
    object_id: str = "",
    since: str = "",
    until: str = "",
    cursor: str | None = None,
) -> Response[str]:
    """Acts, newest first, by what was done, by whom, to what, and when."""
    chosen = {
        "act": act[:60],
        "actor": actor,
        "object_id": object_id.strip()[:200],
        "since": since,
        "until": until,
    }
    where = _filter(chosen)
    found = await audit.entries(desk.ctx, where=where, limit=LIMIT, cursor=cursor)
    here = address(PATH, **chosen)
    return await desk.page(
        "admin/audit.html",
        PATH,
        {
            "found": found,
            "chosen": chosen,
            "words": words_of,
            "link": _link,
            "head": await audit.head(desk.ctx),
            "act_options": _act_options(await audit.acts(desk.ctx)),
            "actor_options": _actor_options(await audit.actors(desk.ctx)),
            "export_url": f"{EXPORT}?{urlencode(_export(where))}",
            "is_narrowed": any(chosen.values()),
            **turns(PATH, found, cursor, **chosen),
        },
        headers=pushed(desk.request, here),
    )


@get(PATH + "/verification", permission="read_audit", timeout_s=60)
async def show_verification(desk: Desk, audit: Audit) -> Response[str]:
    """Recompute the chain now, and say whether it holds."""
    failed = ""
    try:
        result = await audit.verify(desk.ctx)
    except MercatoError as error:
        result, failed = None, error.detail or str(error)
    return await desk.page(
        "admin/audit_verification.html",
        PATH,
        {
            "result": result,
            "failed": failed,
            "head": await audit.head(desk.ctx),
        },
        status=503 if failed else 200,
    )


@get(PATH + "/{sequence:int}", permission="read_audit")
async def show_act(desk: Desk, audit: Audit, sequence: int) -> Response[str]:
    """One act with all that it changed, before and after."""
    entry = await audit.entry(desk.ctx, sequence=sequence)
    return await desk.page(
        "admin/audit_entry.html",
        PATH,
        {
            "entry": entry,
            "words": words_of,
            "link": _link(entry),
        },
    )


def words_of(act: str) -> str:
    """`user.roles_changed` → "User: roles changed"."""
    thing, _, done = act.replace("_", " ").partition(".")
    return f"{thing.capitalize()}: {done}" if done else thing.capitalize()


def _act_options(acts: list[str]) -> list[tuple[str, str]]:
    """Every kind of thing, then every single act."""
    kinds = sorted({each.partition(".")[0] for each in acts})
    every = [(kind, f"{words_of(kind)}: all") for kind in kinds]
    return [("", "Any"), *every, *((each, words_of(each)) for each in acts)]


def _actor_options(actors: list[AuditActor]) -> list[tuple[str, str]]:
    return [("", "Anybody"), *((str(each.id), each.label or str(each.id)) for each in actors)]


def _link(entry: AuditEntry) -> str:
    pattern = LINKS.get(entry.object_kind, "")
    return pattern.format(entry.object_id) if pattern else ""


def _filter(chosen: dict[str, str]) -> AuditFilter:
    """What was chosen; what is no id or no day does not narrow."""
    until = _day(chosen["until"])
    return AuditFilter(
        act=chosen["act"],
        object_id=chosen["object_id"],
        actor_id=_id(chosen["actor"]),
        since=_day(chosen["since"]),
        until=until + timedelta(days=1) if until else None,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _export(where: AuditFilter) -> dict[str, str]:
    values = {"act": where.act, "object_id": where.object_id, "actor_id": where.actor_id}
    times = {"since": where.since, "until": where.until}
    return {name: str(value) for name, value in values.items() if value} | {
        name: value.isoformat() for name, value in times.items() if value
    }


routes = [list_acts, show_verification, show_act]
