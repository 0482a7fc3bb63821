"""What the papers of an order have to tell yet: pure, from what was changed and granted. Minor units."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.orders import ChangeAction
from mercato.kernel.money import allocate
from mercato.orders.change_rows import ChangePart, ChangeRow
from mercato.orders.documents.content import Take
from mercato.orders.granting import Grant, detail_of
from mercato.orders.paper_rows import Paper, PaperLine, PaperTax

TAKEN_BACK: Final = "Refund taken back"
CORRECTION: Final = "Correction"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a credit note that is due: `amount` with tax, and at which rates it was sold if one knows."""

    name: str
    detail: str = ""
    quantity: int = 1
    amount: int
    line_id: UUID | None = None
    take: Take | None = None

    @property
    def line(self) -> PaperLine:
        return PaperLine(
            self.name, self.detail, self.quantity, self.amount // self.quantity, 0, self.amount, self.line_id
        )


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A credit note that is due."""

    cause: str
    reason: str
    items: list[Item]


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A further invoice that is due."""

    cause: str
    reason: str
    lines: list[PaperLine]
    taxes: list[PaperTax]
    tax_included: bool

    @property
    def total(self) -> int:
        return sum(tax.gross for tax in self.taxes)


def due_of(
    changes: Sequence[ChangeRow],
    grants: Sequence[Grant],
    issued: Sequence[Paper],
    *,
    tax_included: bool,
    noted: Mapping[UUID, Sequence[Paper]],
) -> list[Credit | Charge]:
    """What is to be issued for changes and grants of which no paper tells yet, in this order. `noted`: the
    credit notes that told of a grant, by its id."""
    found: list[Credit | Charge] = []
    singly = _untold([grant for grant in grants if grant.papered_at is None])
    for grant in singly:
        if grant.withdraws is not None and grant.withdraws in noted:
            notes, cause = noted[grant.withdraws], f"grant:{grant.id}"
            found.append(charge_again(-grant.amount, notes, cause=cause, name=TAKEN_BACK))
    singly = [grant for grant in singly if grant.withdraws not in noted]
    if any(grant.amount < 0 for grant in singly):
        # A promise was taken back: only what it comes to matters, not who promised what in between.
        last, left = singly[-1], sum(grant.amount for grant in singly)
        singly, cause = [], f"grant:{last.id}"
        if left > 0:
            found.append(Credit(cause=cause, reason="", items=[whole(left, last.reason)]))
        elif left < 0:
            found.append(charge_again(-left, issued, cause=cause, name=TAKEN_BACK))
    confirmed = [change for change in changes if change.confirmed_at is not None]
    for change in [change for change in confirmed if change.papered_at is None]:
        found += _of_change(change, tax_included=tax_included)
    found += [_of_grant(grant) for grant in singly]
    return found


def _untold(grants: Sequence[Grant]) -> list[Grant]:
    """Without those that were taken back whole before any paper told of them."""
    amounts: dict[UUID | None, int] = {grant.id: grant.amount for grant in grants}
    gone = [grant for grant in grants if amounts.get(grant.withdraws) == -grant.amount]
    silent = {grant.id for grant in gone} | {grant.withdraws for grant in gone}
    return [grant for grant in grants if grant.id not in silent]


def whole(amount: int, reason: str) -> Item:
    """An amount that is for no line in particular."""
    return Item(name="Refund" + (f": {reason}" if reason else ""), amount=amount)


def charge_again(amount: int, issued: Sequence[Paper], *, cause: str, name: str) -> Charge:
    """What was credited is owed again, at the rates at which it was credited; else at those of the sale."""
    rows: dict[tuple[str, str], PaperTax] = {}
    credited = [paper for paper in issued if paper.invoice_number is not None]
    for tax in [tax for paper in credited or issued for tax in paper.taxes]:
        old = rows.get((tax.name, tax.rate), PaperTax(tax.name, tax.rate, 0, 0))
        rows[tax.name, tax.rate] = PaperTax(tax.name, tax.rate, old.net + tax.net, old.tax + tax.tax)
    taxes = []
    for row, share in zip(rows.values(), allocate(amount, [row.gross for row in rows.values()]), strict=True):
        net, tax_amount = allocate(share, [row.net, row.tax])
        taxes.append(PaperTax(row.name, row.rate, net, tax_amount))
    line = PaperLine(name, "", 1, amount, 0, amount)
    return Charge(cause=cause, reason="", lines=[line], taxes=taxes, tax_included=True)


def spread(
    items: Sequence[Item], invoices: Sequence[Paper], left: Sequence[Sequence[PaperTax]]
) -> list[list[Item]]:
    """The items by invoice, none of which gives back more than is `left` of it at their rate: an item goes to
    the invoice that names its line, else to the first that has room, else it is split."""
    room = [{(tax.name, tax.rate): tax.gross for tax in taxes} for taxes in left]
    found: list[list[Item]] = [[] for _ in invoices]
    for item in items:
        fits = [place for place, rates in enumerate(room) if _room(rates, item.take) >= item.amount]
        named = [place for place in fits if _names(invoices[place], item.line_id)]
        rest = item
        # What no invoice has left of its rate is taken from what is left at all.
        for take in (item.take, None):
            for place in [*named, *fits][:1] or range(len(room)):
                part = min(rest.amount, _room(room[place], take))
                if part > 0:
                    found[place].append(_share(rest, part, take))
                    rest = msgspec.structs.replace(rest, amount=rest.amount - part)
                    _use(room[place], part, take)
    return found


def _of_change(change: ChangeRow, *, tax_included: bool) -> list[Credit | Charge]:
    added = [part for part in change.lines if part.action is ChangeAction.ADD and part.amount]
    taken = [part for part in change.lines if part.action is ChangeAction.REMOVE and part.amount]
    cause, found = f"change:{change.id}", []
    if added:
        found.append(
            Charge(
                cause=cause,
                reason=change.reason,
                lines=[_added_line(part, tax_included=tax_included) for part in added],
                taxes=_added_taxes(added),
                tax_included=tax_included,
            )
        )
    if taken:
        items = [_taken_item(part) for part in taken]
        return [*found, Credit(cause=cause, reason=change.reason, items=items)]
    return [*found]


def _taken_item(part: ChangePart) -> Item:
    return Item(
        name=part.name,
        detail=detail_of(part),
        quantity=part.quantity,
        amount=part.amount,
        line_id=part.line_id,
        take=Take(part.tax_name, part.tax_rate or "0", part.amount, part.tax),
    )


def _of_grant(grant: Grant) -> Credit:
    items = [
        Item(
            name=line.name,
            detail=line.detail,
            quantity=line.quantity or 1,
            amount=line.amount,
            line_id=line.line_id,
            take=Take(line.tax_name, line.tax_rate, line.amount),
        )
        for line in grant.lines
    ]
    items += [
        Item(name="Delivery", amount=share.amount, take=Take(share.name, share.rate, share.amount))
        for share in grant.taxes
    ]
    rest = grant.amount - sum(item.amount for item in items)
    if rest > 0:
        items.append(whole(rest, grant.reason))
    return Credit(cause=f"grant:{grant.id}", reason=grant.reason, items=items)


def _added_line(part: ChangePart, *, tax_included: bool) -> PaperLine:
    total = part.amount - (0 if tax_included else part.tax)
    full = part.list_price * part.quantity
    return PaperLine(
        part.name, detail_of(part), part.quantity, part.list_price, max(full - total, 0), total, part.line_id
    )


def _added_taxes(parts: Sequence[ChangePart]) -> list[PaperTax]:
    rows: dict[tuple[str, str], PaperTax] = {}
    for part in parts:
        key = (part.tax_name, part.tax_rate or "0")
        old = rows.get(key, PaperTax(*key, 0, 0))
        rows[key] = PaperTax(*key, old.net + part.amount - part.tax, old.tax + part.tax)
    return list(rows.values())


def _names(invoice: Paper, line_id: UUID | None) -> bool:
    return line_id is not None and any(line.line_id == line_id for line in invoice.lines)


def _room(rates: dict[tuple[str, str], int], take: Take | None) -> int:
    return sum(rates.values()) if take is None else rates.get((take.name, take.rate), 0)


def _use(rates: dict[tuple[str, str], int], amount: int, take: Take | None) -> None:
    if take is not None:
        rates[take.name, take.rate] -= amount
        return
    for key, share in zip(list(rates), allocate(amount, list(rates.values())), strict=True):
        rates[key] -= share


def _share(item: Item, amount: int, take: Take | None) -> Item:
    """So much of the item, of which the exact tax is known only when it is all of it."""
    if take is not None and take.gross == amount:
        return item
    part = None if take is None else Take(take.name, take.rate, amount)
    quantity = item.quantity if amount == item.amount else 1
    return msgspec.structs.replace(item, amount=amount, quantity=quantity, take=part)
