"""The carriers contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from carriers.conftest import HOME, MARA, NOWHERE, STAFF
from mercato import carriers as carriers_package
from mercato.contracts.carriers import Carriers, Place, Sender, TrackingStatus
from mercato.kernel import clock, standard_webhooks
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.rpc import local, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings
from support.broker import connected

VALUE = Money(2400, "EUR")


@pytest.fixture(params=["local", "remote"])
async def carriers(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Carriers]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32,
    )  # fmt: skip
    runtime = Runtime(settings)
    service = carriers_package.build(runtime).impl
    if request.param == "local":
        yield local(Carriers, service, Metrics())
    else:
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Carriers, service, ends[0], settings, Metrics())
        yield remote(Carriers, ends[1], settings, Metrics())
        await server.stop()
        for end in ends:
            await end.close()
    await runtime.close()


async def test_from_rates_to_tracking(carriers: Carriers) -> None:
    sender = await carriers.save_sender(STAFF, sender=Sender("default", HOME))
    assert await carriers.senders(STAFF) == [sender]
    (info,) = await carriers.carriers(STAFF)
    assert (info.code, info.is_test, [one.code for one in info.services]) == (
        "simulated", True, ["economy", "express"],
    )  # fmt: skip
    answer = await carriers.rates(SYSTEM_CONTEXT, destination=Place("NL"), weight_g=900, value=VALUE)
    assert [(rate.service, rate.price) for rate in answer.rates] == [
        ("economy", Money(450, "EUR")), ("express", Money(1110, "EUR")),
    ]  # fmt: skip
    reference = new_id()
    label = await carriers.buy_label(
        STAFF, reference=reference, channel="default", carrier="simulated", service="economy",
        recipient=MARA, weight_g=900, value=VALUE,
    )  # fmt: skip
    assert (await carriers.label_file(STAFF, label_id=label.id)).content.startswith(b"%PDF-")
    number = label.tracking_number
    await carriers.scan_simulated_parcel(STAFF, tracking_number=number, status=TrackingStatus.IN_TRANSIT)
    body = b'{"tracking_number":"%s"}' % number.encode()
    headers = standard_webhooks.sign(
        b"carrier-webhooks:" + b"s" * 32, webhook_id="one", at=clock.now(), body=body
    )
    await carriers.receive_webhook(SYSTEM_CONTEXT, carrier="simulated", headers=headers, body=body)
    (known,) = await carriers.labels(STAFF, references=[reference, new_id()])
    theirs = await carriers.simulated_parcel(STAFF, tracking_number=number)
    assert known.tracking == theirs
    assert [one.status for one in theirs] == [TrackingStatus.CREATED, TrackingStatus.IN_TRANSIT]
    verified = await carriers.verify(SYSTEM_CONTEXT)
    assert (verified.checked, verified.differences) == (1, [])


async def test_refusals_keep_their_class_and_code(carriers: Carriers) -> None:
    await carriers.save_sender(STAFF, sender=Sender("default", HOME))
    with pytest.raises(Invalid, match="address_refused"):
        await carriers.buy_label(
            STAFF, reference=new_id(), channel="default", carrier="simulated", service="economy",
            recipient=NOWHERE, weight_g=900, value=VALUE,
        )  # fmt: skip
    with pytest.raises(NotFound):
        await carriers.label_file(STAFF, label_id=new_id())
    with pytest.raises(NotFound):
        await carriers.simulated_parcel(STAFF, tracking_number="SN404")
    with pytest.raises(Invalid, match="unknown_fault"):
        await carriers.set_simulated_fault(STAFF, fault="flood")
    with pytest.raises(Unauthenticated):
        await carriers.carriers(Context(principal=GUEST))
