"""The orders contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.carriers import Sender
from mercato.contracts.carts import NewLine
from mercato.contracts.orders import (
    BulkAct,
    ChangeInput,
    ChangeKind,
    ChangeStatus,
    DraftInput,
    DraftStatus,
    FulfillmentLine,
    FulfillmentStatus,
    Order,
    OrderPaymentStatus,
    Orders,
    OrderStatus,
    PaymentChoice,
    PlaceStatus,
    RefundGrant,
    RefundLine,
    RefundStatus,
    ReturnLine,
    ReturnReceipt,
    Seller,
)
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.personal import Subject
from mercato.kernel.rpc import local, methods_of, remote, serve
from mercato.kernel.telemetry.metrics import Metrics
from orders.conftest import GUEST_CONTEXT, STAFF, Till, make_runtime
from orders.fakes import ADDRESS
from support.broker import connected
from support.personal import STRANGER, knows_nothing_of_strangers_and_answers_nobody_else

KIM = new_id()
CUSTOMER = Context(principal=Principal(kind=PrincipalKind.USER, id=KIM, email="kim@example.org"))


class Client:
    """The till whose orders are reached through the contract; remembers which methods were called."""

    def __init__(self, till: Till, client: Orders) -> None:
        self.till = till
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._client, name)

    async def bought(self, *, provider: str = "simulator", ctx: Context = GUEST_CONTEXT) -> Order:
        variant_id = await self.till.put(10)
        cart_id, token = self.till.carts.open_cart((variant_id, 2, 1200), customer_id=ctx.principal.id)
        placement = await self.place(
            ctx,
            cart_id=cart_id,
            cart_token=token,
            expected_total=Money(2890, "EUR"),
            payment=PaymentChoice(provider, "sim_ok", "https://shop.example/back"),
        )
        await self.till.deliver_events()
        assert placement.order is not None
        return placement.order  # type: ignore[no-any-return]


@pytest.fixture(params=["local", "remote"])
async def orders(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Client]:
    runtime = make_runtime(database_url, nats_url, namespace)
    till = Till(runtime)
    if request.param == "local":
        yield Client(till, local(Orders, till.orders, Metrics(), strict=True))
    else:
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Orders, till.orders, ends[0], runtime.settings, Metrics())
        yield Client(till, remote(Orders, ends[1], runtime.settings, Metrics()))
        await server.stop()
        for end in ends:
            await end.close()
    await runtime.close()


async def test_every_method_does_what_the_contract_says(orders: Client) -> None:
    await _buyers(orders)
    await _staff_ships(orders)
    await _staff_moves_money(orders)
    await _figures(orders)
    await _changes(orders)
    await _refunds(orders)
    await _papers_and_labels(orders)
    await _tags_and_many(orders)
    await _drafts_by_link(orders)
    await _drafts_by_staff(orders)
    await knows_nothing_of_strangers_and_answers_nobody_else(orders)
    assert await orders.known_as(SYSTEM_CONTEXT, subject=STRANGER) == Subject(
        STRANGER.user_id, STRANGER.emails
    )
    assert orders.called == {method.name for method in methods_of(Orders)}


async def _papers_and_labels(orders: Client) -> None:
    bought = await orders.bought()
    own: dict[str, Any] = {"number": bought.number, "token": bought.token}
    home = bought.shipping_address
    seller = Seller(channel="default", name="Kiln & Loom", address=["Gartenweg 3"], country="DE")
    saved = await orders.save_seller(STAFF, seller=seller)
    assert await orders.sellers(STAFF) == [saved]
    invoice = await orders.request_invoice(GUEST_CONTEXT, **own)
    assert await orders.issue_invoice(STAFF, order_id=bought.id) == invoice
    assert (await orders.documents(STAFF, order_id=bought.id)).items == [invoice]
    assert (await orders.buyer_documents(GUEST_CONTEXT, **own)).items == [invoice]
    pages = await orders.document_file(STAFF, document_id=invoice.id)
    assert await orders.buyer_document_file(GUEST_CONTEXT, **own, document_id=invoice.id) == pages
    assert pages.content.startswith(b"%PDF-")

    await orders.till.carriers.impl.save_sender(STAFF, sender=Sender("default", home))
    parcel = (await orders.create_fulfillment(STAFF, order_id=bought.id)).fulfillments[0].id
    assert (await orders.packing_slip(STAFF, fulfillment_id=parcel)).content.startswith(b"%PDF-")
    rates = (await orders.label_rates(STAFF, fulfillment_id=parcel)).rates
    labeled = await orders.buy_label(
        STAFF, fulfillment_id=parcel, carrier=rates[0].carrier, service=rates[0].service
    )
    (known,) = await orders.parcel_labels(STAFF, order_id=bought.id)
    assert known.label is not None
    assert known.label.tracking_number == labeled.fulfillments[0].tracking_number
    assert await orders.buyer_tracking(GUEST_CONTEXT, **own) == []


async def test_a_refusal_arrives_with_its_code_and_data(orders: Client) -> None:
    variant_id = await orders.till.put(1)
    cart_id, token = orders.till.carts.open_cart((variant_id, 2, 1200))
    wish: dict[str, Any] = {
        "cart_id": cart_id,
        "cart_token": token,
        "payment": PaymentChoice("simulator", "sim_decline"),
    }
    with pytest.raises(Conflict) as changed:
        await orders.place(GUEST_CONTEXT, **wish, expected_total=Money(1, "EUR"))
    assert changed.value.code == "cart_changed"
    assert changed.value.data["totals"]["total"] == {"amount": 2890, "currency": "EUR"}
    with pytest.raises(Conflict) as short:
        await orders.place(GUEST_CONTEXT, **wish, expected_total=Money(2890, "EUR"))
    assert short.value.data == {"shortages": [{"variant_id": str(variant_id), "available": 1}]}
    orders.till.carts.change(cart_id, (variant_id, 1, 1200))
    declined = await orders.place(GUEST_CONTEXT, **wish, expected_total=Money(1690, "EUR"))
    assert (declined.status, declined.decline_code) == (PlaceStatus.DECLINED, "card_declined")
    with pytest.raises(NotFound):
        await orders.get_order(STAFF, order_id=new_id())
    with pytest.raises(Denied):
        await orders.list_orders(CUSTOMER)


async def _buyers(orders: Client) -> None:
    order = await orders.bought(ctx=CUSTOMER)
    cart_id = await _cart_of(orders, order.id)
    standing = await orders.placement(CUSTOMER, cart_id=cart_id, cart_token=None)
    assert standing.order.id == order.id
    assert [row.id for row in (await orders.my_orders(CUSTOMER)).items] == [order.id]
    seen = await orders.order(GUEST_CONTEXT, number=order.number, email=order.email, token=order.token)
    assert (seen.id, seen.lines, seen.totals) == (order.id, order.lines, order.totals)
    canceled = await orders.request_cancellation(CUSTOMER, number=order.number, reason="too late")
    assert (canceled.status, canceled.cancel_reason) == (OrderStatus.CANCELED, "too late")


async def _staff_ships(orders: Client) -> None:
    order = await orders.bought()
    line = order.lines[0].id
    packed = await orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 1)])
    opened = await orders.cancel_fulfillment(STAFF, fulfillment_id=packed.fulfillments[0].id)
    assert opened.lines[0].quantity_open == 2
    packed = await orders.create_fulfillment(STAFF, order_id=order.id)
    parcel = packed.fulfillments[-1].id
    shipped = await orders.ship(STAFF, fulfillment_id=parcel, carrier="DHL", tracking_number="JD0146")
    assert (shipped.status, shipped.fulfillments[-1].carrier) == (OrderStatus.COMPLETED, "DHL")
    delivered = await orders.deliver(STAFF, fulfillment_id=parcel)
    assert delivered.fulfillment_status is FulfillmentStatus.DELIVERED
    noted = await orders.add_note(STAFF, order_id=order.id, text="left at the door")
    assert noted.timeline[-1].text == "left at the door"


async def _staff_moves_money(orders: Client) -> None:
    order = await orders.bought(provider="manual")
    captured = await orders.capture(STAFF, order_id=order.id, amount=Money(890, "EUR"))
    assert captured.payment_status is OrderPaymentStatus.PARTIALLY_PAID
    refunded = await orders.refund(STAFF, order_id=order.id, amount=Money(90, "EUR"), reason="scratch")
    assert refunded.payment_status is OrderPaymentStatus.PARTIALLY_PAID
    assert (refunded.credited.amount, refunded.balance.amount) == (90, 0)
    canceled = await orders.cancel(STAFF, order_id=order.id, version=refunded.version)
    assert canceled.status is OrderStatus.CANCELED
    assert (await orders.get_order(STAFF, order_id=order.id)) == canceled


async def _figures(orders: Client) -> None:
    await orders.till.deliver_events()
    found = await orders.list_orders(STAFF, query="mara", status=OrderStatus.CANCELED, sort="-total")
    assert (found.total, len(found.items)) == (2, 2)
    report = await orders.sales(STAFF, days=1)
    assert [(p.orders, p.gross, p.net) for p in report.points] == [(3, 8670, 2890)]
    counts = await orders.counts(STAFF)
    assert (counts.unfulfilled, counts.unpaid, counts.stale_drafts) == (0, 0, 0)
    figures = await orders.customer_figures(STAFF, emails=["mara@example.org"])
    assert [(f.orders, f.spent.amount) for f in figures] == [(1, 2890)]
    assert await orders.stuck(STAFF) == []
    with pytest.raises(Conflict) as nothing:
        await orders.retry(STAFF, order_id=found.items[0].id)
    assert nothing.value.code == "nothing_stuck"
    verification = await orders.verify(SYSTEM_CONTEXT)
    assert (verification.checked, verification.differences) == (3, [])


async def _changes(orders: Client) -> None:
    order = await orders.bought(ctx=CUSTOMER)
    line, other = order.lines[0].id, await orders.till.put(5)
    await orders.ship(
        STAFF,
        fulfillment_id=(
            await orders.create_fulfillment(STAFF, order_id=order.id, lines=[FulfillmentLine(line, 1)])
        )
        .fulfillments[0]
        .id,
    )
    add = ChangeInput(kind=ChangeKind.EDIT, add=[NewLine(other, 1)])
    preview = await orders.preview_change(STAFF, order_id=order.id, change=add)
    assert await orders.change(STAFF, change_id=preview.id) == preview
    changed = await orders.confirm_change(STAFF, change_id=preview.id)
    assert changed.balance == Money(1000, "EUR")
    assert await orders.balance_payment(CUSTOMER, number=order.number) is None
    paid = await orders.pay_balance(
        CUSTOMER,
        number=order.number,
        expected=Money(1000, "EUR"),
        payment=PaymentChoice("simulator", "sim_ok"),
    )
    assert paid.status is PlaceStatus.PLACED
    asked = await orders.request_return(CUSTOMER, number=order.number, lines=[ReturnLine(line, 1)])
    kept = await orders.withdraw_return(CUSTOMER, number=order.number, change_id=asked.changes[-1].id)
    assert kept.changes[-1].status is ChangeStatus.CANCELED
    again = await orders.request_return(CUSTOMER, number=order.number, lines=[ReturnLine(line, 1)])
    change_id = again.changes[-1].id
    await orders.approve_return(STAFF, change_id=change_id)
    back = await orders.receive_return(STAFF, change_id=change_id, receipt=ReturnReceipt(fee=200))
    assert (back.changes[-1].status, back.credited) == (ChangeStatus.REFUNDED, Money(1000, "EUR"))
    assert (await orders.refund_return(STAFF, change_id=change_id)).version == back.version
    with pytest.raises(Conflict):
        await orders.cancel_change(STAFF, change_id=change_id, reason="too late")
    found = await orders.list_returns(STAFF, status=ChangeStatus.REFUNDED)
    assert [(row.id, row.units, row.credit.amount) for row in found.items] == [(change_id, 1, 1000)]


async def _refunds(orders: Client) -> None:
    order = await orders.bought()
    line = order.lines[0].id
    before = await orders.refundable(STAFF, order_id=order.id)
    assert [(one.line_id, one.quantity, one.amount.amount) for one in before.lines] == [(line, 2, 2400)]
    assert (before.delivery.amount, before.total.amount) == (490, 2890)
    grant = RefundGrant(lines=[RefundLine(line, 1)], reason="a crack", execute=False)
    await orders.grant_refund(STAFF, order_id=order.id, grant=grant)
    (granted,) = await orders.granted_refunds(STAFF, order_id=order.id)
    assert (granted.amount.amount, granted.reason, granted.executions) == (1200, "a crack", [])
    assert granted.may_execute
    await orders.execute_refund(STAFF, refund_id=granted.id)
    (sent,) = await orders.granted_refunds(STAFF, order_id=order.id)
    assert [(one.status, one.amount.amount) for one in sent.executions] == [(RefundStatus.SENT, 1200)]
    left = await orders.refundable(STAFF, order_id=order.id)
    assert (left.total.amount, sent.may_execute) == (1690, False)
    await orders.grant_refund(STAFF, order_id=order.id, grant=grant)
    granted = (await orders.granted_refunds(STAFF, order_id=order.id))[-1]
    after = await orders.withdraw_refund(STAFF, refund_id=granted.id)
    assert (after.refunds[-1].withdraws, after.credited) == (granted.id, sent.amount)


async def _tags_and_many(orders: Client) -> None:
    order, canceled, nobody = await orders.bought(), await orders.bought(), new_id()
    await orders.cancel(STAFF, order_id=canceled.id)
    tagged = await orders.set_tags(STAFF, order_id=order.id, tags=["gift", "Fragile"])
    assert (tagged.tags, tagged.version) == (["Fragile", "gift"], order.version + 1)
    done = await orders.act_on_many(STAFF, act=BulkAct.SHIP, order_ids=[order.id, canceled.id, nobody])
    assert [(one.order_id, one.number, one.is_done, one.code) for one in done] == [
        (order.id, order.number, True, ""),
        (canceled.id, canceled.number, False, "illegal_transition"),
        (nobody, "", False, "not_found"),
    ]
    assert (await orders.get_order(STAFF, order_id=order.id)).status is OrderStatus.COMPLETED
    with pytest.raises(Invalid):
        await orders.act_on_many(STAFF, act=BulkAct.TAG, order_ids=[order.id])


async def _drafts_by_link(orders: Client) -> None:
    wish = await _phoned(orders)
    draft = await orders.create_draft(STAFF, draft=wish)
    own: dict[str, Any] = {"draft_id": draft.id, "token": draft.token}
    assert (draft.status, draft.email, draft.customer_id) == (DraftStatus.OPEN, "caller@example.org", KIM)
    assert (draft.note, draft.created_by) == ("by phone", STAFF.principal.label)
    assert draft.cart is not None
    assert draft.cart.totals.total == Money(2490, "EUR")
    assert await orders.draft(STAFF, draft_id=draft.id) == draft
    methods = await orders.draft_delivery(STAFF, draft_id=draft.id)
    assert [(m.code, m.price.amount) for m in methods] == [("standard", 490), ("express", 1290)]
    faster = await orders.set_draft_delivery(STAFF, draft_id=draft.id, delivery_method_id=methods[1].id)
    total = faster.cart.totals.total
    assert total == Money(3290, "EUR")
    sent = await orders.send_draft(STAFF, draft_id=draft.id)
    assert (sent.status, sent.sent_at is None) == (DraftStatus.SENT, False)
    seen = await orders.buyer_draft(GUEST_CONTEXT, **own)
    assert seen == msgspec.structs.replace(sent, customer_id=None, note="", created_by="shop", wish=None)
    with pytest.raises(NotFound):
        await orders.buyer_draft(GUEST_CONTEXT, draft_id=draft.id, token="wrong")
    assert await orders.draft_placement(GUEST_CONTEXT, **own) is None
    pay: dict[str, Any] = {**own, "expected_total": total, "payment": PaymentChoice("simulator", "sim_ok")}
    paid = await orders.pay_draft(GUEST_CONTEXT, **pay)
    await orders.till.deliver_events()
    assert (paid.status, paid.order.totals.total) == (PlaceStatus.PLACED, total)
    assert (await orders.pay_draft(GUEST_CONTEXT, **pay)).order.id == paid.order.id
    assert (await orders.draft_placement(GUEST_CONTEXT, **own)).order.id == paid.order.id
    placed = await orders.get_order(STAFF, order_id=paid.order.id)
    assert (placed.customer_id, placed.payment_status) == (KIM, OrderPaymentStatus.PAID)
    with pytest.raises(Conflict) as closed:
        await orders.send_draft(STAFF, draft_id=draft.id)
    assert (closed.value.code, closed.value.data) == ("draft_closed", {"status": "placed"})


async def _drafts_by_staff(orders: Client) -> None:
    draft = await orders.create_draft(STAFF, draft=await _phoned(orders))
    order = await orders.place_draft(STAFF, draft_id=draft.id, is_paid=True)
    assert (order.payment_status, order.totals.total.amount) == (OrderPaymentStatus.PAID, 2490)
    assert (await orders.place_draft(STAFF, draft_id=draft.id, is_paid=True)).id == order.id
    other = await orders.create_draft(STAFF, draft=await _phoned(orders))
    wish = msgspec.structs.replace(await _phoned(orders), note="by letter")
    changed = await orders.change_draft(STAFF, draft_id=other.id, draft=wish, version=other.version)
    assert (changed.note, changed.version) == ("by letter", other.version + 1)
    canceled = await orders.cancel_draft(STAFF, draft_id=other.id)
    assert (canceled.status, canceled.cart) == (DraftStatus.CANCELED, None)
    newest = await orders.drafts(STAFF, limit=2)
    assert [(row.id, row.status, row.order_id) for row in newest.items] == [
        (other.id, DraftStatus.CANCELED, None),
        (draft.id, DraftStatus.PLACED, order.id),
    ]
    rest = await orders.drafts(STAFF, limit=2, cursor=newest.next_cursor)
    assert ([row.status for row in rest.items], rest.next_cursor) == ([DraftStatus.PLACED], None)
    found = await orders.drafts(STAFF, status=DraftStatus.CANCELED)
    assert [row.id for row in found.items] == [other.id]


async def _phoned(orders: Client) -> DraftInput:
    """Two units at 10.00 and the standard delivery at 4.90."""
    return DraftInput(
        email="caller@example.org",
        customer_id=KIM,
        lines=[NewLine(await orders.till.put(5), 2)],
        shipping_address=ADDRESS,
        note="by phone",
    )


async def _cart_of(orders: Client, order_id: UUID) -> UUID:
    found: UUID = await orders.till.db.fetchval("select cart_id from orders.orders where id = $1", order_id)
    return found
