"""The part of every contract that tells, erases and forgets what is kept about people."""

from typing import Any

import pytest

from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Denied, MercatoError
from mercato.kernel.ids import new_id
from mercato.kernel.personal import Subject

STRANGER = Subject(user_id=new_id(), emails=["stranger@example.com"], order_ids=[new_id()])
OWNER = Context(
    principal=Principal(kind=PrincipalKind.USER, id=new_id(), permissions=frozenset({"*"}), name="Owner")
)


async def everything_about(keeper: Any, subject: Subject) -> dict[str, list[str]]:
    """All pages: section → rows as JSON text."""
    found: dict[str, list[str]] = {}
    cursor: str | None = None
    while True:
        page = await keeper.personal_data(SYSTEM_CONTEXT, subject=subject, cursor=cursor)
        for part in page.parts:
            found.setdefault(part.section, []).extend(part.rows)
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


async def knows_nothing_of_strangers_and_answers_nobody_else(keeper: Any) -> None:
    """Each method for somebody unknown; not even the owner of the shop may call them."""
    told = await everything_about(keeper, STRANGER)
    assert told and not any(told.values())
    assert await keeper.open_matters(SYSTEM_CONTEXT, subject=STRANGER) == []
    await keeper.refuse_unsettled(SYSTEM_CONTEXT, subject=STRANGER)
    assert await keeper.erase_personal_data(SYSTEM_CONTEXT, subject=STRANGER) == 0
    assert all(one.rows == 0 for one in await keeper.forget_old(SYSTEM_CONTEXT))
    for ctx in (OWNER, Context(principal=GUEST)):
        with pytest.raises(Denied):
            await keeper.personal_data(ctx, subject=STRANGER, cursor=None)
        for refused in (keeper.open_matters, keeper.refuse_unsettled, keeper.erase_personal_data):
            with pytest.raises(MercatoError):
                await refused(ctx, subject=STRANGER)
        with pytest.raises(Denied):
            await keeper.forget_old(ctx)
