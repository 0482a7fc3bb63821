"""A small contract and its service, for tests of the kernel."""

import asyncio
from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.kernel.context import Context, Principal
from mercato.kernel.deadlines import remaining_s
from mercato.kernel.errors import Conflict, FieldError, Invalid, Unavailable
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class Parcel(msgspec.Struct, frozen=True):
    id: UUID
    at: datetime
    price: Money
    counts: dict[UUID, int]
    tags: frozenset[str]
    note: str | None = None


class Echo(Protocol):
    @idempotent
    async def parcel(self, ctx: Context, *, parcel: Parcel) -> Parcel: ...

    @idempotent
    async def who(self, ctx: Context) -> tuple[Principal, str, str, str]: ...

    async def count(self, ctx: Context, *, by: int = 1) -> int: ...

    @idempotent
    async def counted(self, ctx: Context, *, fail_first: int) -> int: ...

    async def refuse(self, ctx: Context) -> None: ...

    async def invalid(self, ctx: Context) -> None: ...

    async def bug(self, ctx: Context) -> None: ...

    async def slow(self, ctx: Context, *, seconds: float) -> None: ...

    async def time_left(self, ctx: Context) -> float: ...

    async def short(self, ctx: Context, *, text: Annotated[str, msgspec.Meta(max_length=3)]) -> str: ...


class EchoService:
    def __init__(self) -> None:
        self.calls = 0
        self.finished = 0
        self.canceled = asyncio.Event()

    async def parcel(self, ctx: Context, *, parcel: Parcel) -> Parcel:
        return parcel

    async def who(self, ctx: Context) -> tuple[Principal, str, str, str]:
        return ctx.principal, ctx.channel, ctx.request_id, ctx.idempotency_key or ""

    async def count(self, ctx: Context, *, by: int = 1) -> int:
        self.calls += by
        return self.calls

    async def counted(self, ctx: Context, *, fail_first: int) -> int:
        self.calls += 1
        if self.calls <= fail_first:
            await asyncio.Event().wait()
        return self.calls

    async def refuse(self, ctx: Context) -> None:
        raise Conflict("parcel_sealed", "Open it first.", data={"left": 3})

    async def invalid(self, ctx: Context) -> None:
        raise Invalid(errors=[FieldError("address.city", "required", "Name the city.")])

    async def bug(self, ctx: Context) -> None:
        raise KeyError("nobody should see this")

    async def slow(self, ctx: Context, *, seconds: float) -> None:
        self.calls += 1
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.canceled.set()
            raise
        self.finished += 1

    async def time_left(self, ctx: Context) -> float:
        return remaining_s(ctx.deadline)

    async def short(self, ctx: Context, *, text: str) -> str:
        return text


class Refusing(EchoService):
    """Answers that it cannot now."""

    async def counted(self, ctx: Context, *, fail_first: int) -> int:
        self.calls += 1
        raise Unavailable("database_busy")
