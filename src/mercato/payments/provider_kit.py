"""The contract of a payment provider as checks that any test framework can run.

    contract = ProviderContract(Bench(provider=mine, approved="tok_ok", declined="tok_no"))
    for check in contract.checks():
        await check()

Each check makes attempts of its own, asks only through the port, and raises `ContractBroken` with a sentence.
Run it against the provider's test account, or against a server of yours that behaves like it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

import msgspec

from mercato.contracts.payments import SessionStatus
from mercato.kernel.errors import Conflict, Invalid, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.payments.providers.port import (
    Provider,
    ProviderCharge,
    ProviderSession,
    SessionRequest,
    session_key,
)

T = TypeVar("T")
Check = Callable[[], Awaitable[None]]
Signed = tuple[dict[str, str], bytes]

TRIES = 20
PAUSE_S = 0.2
AT_ONCE = 8
MAX_PAGES = 1000


class ContractBroken(AssertionError):
    """The provider does not do what the port promises."""


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, and what the checks need to know of it."""

    provider: Provider
    approved: str | None
    """A token that is approved at once."""
    declined: str | None = None
    """A token that is declined; None: the provider has none, which leaves one check out."""
    webhook: Callable[[str, timedelta], Signed] | None = None
    """Headers and body as the provider signs them, of a reference, so long ago; None: it sends none."""
    keeps_books: bool = True
    """False for a provider that only notes what people do elsewhere: it cannot refuse or be asked."""
    currency: str = "EUR"


class ProviderContract:
    """All checks that apply to one bench; each is independent of the others."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.provider = bench.provider

    def checks(self) -> list[Check]:
        """The checks to run, each named by its `__name__`."""
        found: list[Check] = [
            self.offer_is_complete,
            self.same_key_is_the_same_attempt,
            self.calls_at_once_are_one_attempt,
            self.no_strange_webhook_is_believed,
        ]
        if self.bench.declined is not None:
            found.append(self.a_decline_is_a_result)
        if self.bench.webhook is not None:
            found += [self.webhook_names_its_attempt, self.forged_or_stale_webhook_is_refused]
        if self.bench.keeps_books:
            found += [
                self.another_amount_under_a_key_is_refused,
                self.takes_the_money_at_once,
                self.holds_without_taking,
                self.captures_once_per_key,
                self.captures_no_more_than_held,
                self.voids_once_per_key,
                self.voids_no_more_than_held,
                self.refunds_once_per_key,
                self.refunds_no_more_than_taken,
                self.refunds_at_once_stay_bounded,
                self.knows_no_strange_reference,
                self.lists_what_it_took,
            ]
        return found

    async def offer_is_complete(self) -> None:
        """Shoppers are told a name and one sentence."""
        offer = self.provider.offer
        _expect(offer.code == self.provider.code, f"the offer's code is {offer.code}, not the provider's")
        _expect(bool(offer.name and offer.note), "the offer needs a name and a note")

    async def same_key_is_the_same_attempt(self) -> None:
        """Asking again under a key gives the attempt that there is."""
        request = self._request()
        first = await self._create(request)
        second = await self._create(request)
        _same("the second answer to one key", second, first)
        _expect(first.key == request.key, f"the key came back as {first.key!r}")
        _expect(first.amount == request.amount, f"the amount came back as {first.amount}")

    async def calls_at_once_are_one_attempt(self) -> None:
        """A shopper who clicks often pays once."""
        request = self._request()
        said = await asyncio.gather(*(self._create(request) for _ in range(AT_ONCE)))
        _same("the references of calls at once", {one.reference for one in said}, {said[0].reference})

    async def another_amount_under_a_key_is_refused(self) -> None:
        """A key belongs to one amount: a second one is Conflict("idempotency_mismatch")."""
        request = self._request()
        await self._create(request)
        other = Money(request.amount.amount + 100, request.amount.currency)
        try:
            await self._create(msgspec.structs.replace(request, amount=other))
        except Conflict as refused:
            _same("the code of the refusal", refused.code, "idempotency_mismatch")
        else:
            raise ContractBroken("a key was used for two amounts")

    async def a_decline_is_a_result(self) -> None:
        """A refused card is an answer with a code, not an exception, and takes nothing."""
        said = await self._create(self._request(token=self.bench.declined))
        _same("the status", said.status, SessionStatus.FAILED)
        _expect(bool(said.decline_code), "a decline needs a decline_code")
        _same("what was authorized and captured", (said.authorized, said.captured), (0, 0))

    async def takes_the_money_at_once(self) -> None:
        """With `captures` the amount is taken, and fetch says the same."""
        said = await self._create(self._request())
        _same("the status", said.status, SessionStatus.COMPLETED)
        _same("authorized and captured", (said.authorized, said.captured), (10_000, 10_000))
        _same("what fetch says", await self._fetch(said.reference), said)

    async def holds_without_taking(self) -> None:
        """Without `captures` the amount is only held, and fetch says the same."""
        said = await self._held()
        _same("authorized and captured", (said.authorized, said.captured), (10_000, 0))
        _same("what fetch says", await self._fetch(said.reference), said)

    async def captures_once_per_key(self) -> None:
        """A capture of a part that is asked for twice under one key happens once."""
        said = await self._held()
        key = _key()
        for _ in range(2):
            await self._succeeds("capture", said, 4_000, key)
        _same("captured", (await self._fetch(said.reference)).captured, 4_000)

    async def captures_no_more_than_held(self) -> None:
        """More than is held is refused with a reason, and nothing is taken."""
        said = await self._held()
        await self._fails("capture", said, 10_100)
        _same("captured", (await self._fetch(said.reference)).captured, 0)

    async def voids_once_per_key(self) -> None:
        """What is held can be dropped, twice under one key; then there is nothing to take."""
        said = await self._held()
        key = _key()
        for _ in range(2):
            await self._succeeds("void", said, 10_000, key)
        await self._fails("capture", said, 10_000)
        _same("captured", (await self._fetch(said.reference)).captured, 0)

    async def voids_no_more_than_held(self) -> None:
        """More than is held is refused, and what is held stays."""
        said = await self._held()
        await self._fails("void", said, 10_100)
        await self._succeeds("capture", said, 10_000, _key())

    async def refunds_once_per_key(self) -> None:
        """A refund that is asked for twice under one key happens once: the rest can still be sent back."""
        said = await self._create(self._request())
        key = _key()
        for _ in range(2):
            await self._succeeds("refund", said, 6_000, key)
        await self._succeeds("refund", said, 4_000, _key())
        await self._fails("refund", said, 100)

    async def refunds_no_more_than_taken(self) -> None:
        """More than was taken is refused, and so is a refund of what is only held."""
        said = await self._create(self._request())
        await self._fails("refund", said, 10_100)
        await self._succeeds("refund", said, 10_000, _key())
        await self._fails("refund", await self._held(), 100)

    async def refunds_at_once_stay_bounded(self) -> None:
        """Of five refunds of 30 % at the same time three happen."""
        said = await self._create(self._request())
        answers = await asyncio.gather(*(self._operate("refund", said, 3_000, _key()) for _ in range(5)))
        _same("refunds that happened", sum(failure is None for failure in answers), 3)

    async def knows_no_strange_reference(self) -> None:
        """An unknown reference is None to fetch; nothing can be done with it."""
        said = await self._create(self._request())
        strange = said.reference + "0"
        found = await _ask(lambda: self.provider.fetch(strange))
        _same("what fetch says of an unknown reference", found, None)
        await self._fails("refund", msgspec.structs.replace(said, reference=strange), 100)

    async def lists_what_it_took(self) -> None:
        """`charges` names each payment once, with what was taken and given back; fetch names its refunds."""
        said = await self._create(self._request())
        key = _key()
        await self._succeeds("refund", said, 2_500, key)
        found: list[ProviderCharge] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await _ask(partial(self.provider.charges, cursor=cursor))
            found += [charge for charge in page.items if charge.reference == said.reference]
            cursor = page.next_cursor
            if cursor is None:
                break
        _same("how often it is listed", len(found), 1)
        amounts = (found[0].authorized, found[0].captured, found[0].refunded)
        _same("authorized, captured, refunded", amounts, (10_000, 10_000, 2_500))
        refunds = [(one.amount, one.key) for one in (await self._fetch(said.reference)).refunds]
        _same("the refunds that fetch names", refunds, [(2_500, key)])

    async def webhook_names_its_attempt(self) -> None:
        """A signed message is believed, names the attempt, and has the same id each time it is read."""
        headers, body, reference = await self._message(timedelta())
        event = self.provider.parse_webhook(headers, body)
        _same("the reference of the webhook", event.reference, reference)
        _expect(bool(event.event_id), "a webhook needs an event id")
        _same("the same message read again", self.provider.parse_webhook(headers, body), event)

    async def forged_or_stale_webhook_is_refused(self) -> None:
        """A changed body, a signature of something else, and a message of yesterday are refused."""
        headers, body, _ = await self._message(timedelta())
        forged = "signature_invalid"
        self._refuses(headers, body.replace(b"{", b"{ ", 1), "a changed body", code=forged)
        other, _, _ = await self._message(timedelta())
        self._refuses(other, body, "a message with the signature of another", code=forged)
        self._refuses({}, body, "an unsigned message", code=forged)
        headers, body, _ = await self._message(timedelta(days=1))
        self._refuses(headers, body, "a message of yesterday", code=forged)

    async def no_strange_webhook_is_believed(self) -> None:
        """A message that nobody signed is refused."""
        self._refuses({}, b"{}", "an unsigned message")

    def _request(self, *, captures: bool = True, token: str | None = None) -> SessionRequest:
        return SessionRequest(
            key=session_key(new_id(), 1),
            amount=Money(10_000, self.bench.currency),
            token=token or self.bench.approved,
            return_url="https://shop.example/checkout/return",
            captures=captures,
        )

    async def _create(self, request: SessionRequest) -> ProviderSession:
        return await _ask(lambda: self.provider.create_session(request))

    async def _held(self) -> ProviderSession:
        return await self._create(self._request(captures=False))

    async def _fetch(self, reference: str) -> ProviderSession:
        found = await _ask(lambda: self.provider.fetch(reference))
        if found is None:
            raise ContractBroken(f"fetch does not know {reference}")
        return found

    async def _operate(self, kind: str, said: ProviderSession, amount: int, key: str) -> str | None:
        provider = self.provider
        call = {"capture": provider.capture, "void": provider.void, "refund": provider.refund}[kind]
        money = Money(amount, said.amount.currency)
        return (await _ask(lambda: call(reference=said.reference, amount=money, key=key))).failure

    async def _succeeds(self, kind: str, said: ProviderSession, amount: int, key: str) -> None:
        failure = await self._operate(kind, said, amount, key)
        _expect(failure is None, f"a {kind} of {amount} was refused: {failure}")

    async def _fails(self, kind: str, said: ProviderSession, amount: int) -> None:
        failure = await self._operate(kind, said, amount, _key())
        _expect(bool(failure), f"a {kind} of {amount} was not refused")

    async def _message(self, age: timedelta) -> tuple[dict[str, str], bytes, str]:
        if self.bench.webhook is None:
            raise ContractBroken("this bench has no webhooks")
        said = await self._create(self._request())
        headers, body = self.bench.webhook(said.reference, age)
        return headers, body, said.reference

    def _refuses(self, headers: dict[str, str], body: bytes, what: str, *, code: str | None = None) -> None:
        try:
            self.provider.parse_webhook(headers, body)
        except Invalid as refused:
            _expect(code in (None, refused.code), f"{what} was refused as {refused.code}, not {code}")
        else:
            raise ContractBroken(f"{what} was believed")


async def _ask(call: Callable[[], Awaitable[T]]) -> T:
    """Ask as Mercato does: a provider that is busy with this key is asked again."""
    for _ in range(TRIES - 1):
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(PAUSE_S)
    return await call()


def _key() -> str:
    return str(new_id())


def _expect(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise ContractBroken(otherwise)


def _same(what: str, found: object, wanted: object) -> None:
    _expect(found == wanted, f"{what}: {found!r} instead of {wanted!r}")
