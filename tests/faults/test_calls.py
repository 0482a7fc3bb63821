"""Each remote call of an order's life is lost, unanswered, doubled, late or failed: the act happens once.

All trials run at the same time in one shop of one process per module. Its processes talk to NATS through a
proxy that spoils the call of a trial and of nobody else; so what takes long, the waiting for an answer that
never comes, is waited for once. Whoever asked asks again with the same key and is told how it went.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from faults.acts import ASIDE, CALLS, SETTLED, furnish_fully
from faults.trials import Trial
from mercato.contracts.orders import Orders
from mercato.kernel.rpc import methods_of
from support.call_proxy import CallProxy, Fault, Kind
from support.engines import Engines
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import DISTRIBUTED, Shop, own_shop

AT_ONCE = 80
TIMES = {Kind.REQUEST_LOST: 2, Kind.REPLY_LOST: 2}
"""So often that the retry between processes is lost as well, and whoever asked has to ask again."""
Outcomes = Mapping[tuple[str, str, Kind], Future[Fault]]
"""Act, call and fault → the fault, once its trial has ended well."""
TRIALS = [
    (act, method, kind)
    for act, methods in CALLS.items()
    for method, kinds in methods.items()
    for kind in kinds
]


@pytest.fixture(scope="module")
def calls(nats_url: str) -> Iterator[CallProxy]:
    proxy = CallProxy(nats_url)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def shop(engines: Engines, calls: CallProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("calls")
    with own_shop(engines, "calls", folder, DISTRIBUTED, nats_url=calls.url) as running:
        yield running


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish_fully(shop)


@pytest.fixture(scope="module")
def outcomes(shop: Shop, goods: Goods, calls: CallProxy) -> Iterator[Outcomes]:
    """What became of each trial, once it is over."""
    staff = Staff(shop)

    def run(act: Callable[[Trial], None], method: str, kind: Kind) -> Fault:
        trial = Trial(shop, goods, staff, calls, Fault(method, kind, times=TIMES.get(kind, 1)))
        try:
            act(trial)
        finally:
            trial.close()
        return trial.fault

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (act.__name__, method, kind): pool.submit(run, act, method, kind) for act, method, kind in TRIALS
        }


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("act", "method", "kind"), [(act.__name__, method, kind) for act, method, kind in TRIALS]
)
def test_an_act_happens_once_whatever_becomes_of_a_call(
    outcomes: Outcomes, act: str, method: str, kind: Kind
) -> None:
    fault = outcomes[act, method, kind].result(timeout=200)

    assert fault.hits > 0, "the call was never made"


@pytest.mark.timeout(240)
def test_the_books_agree_after_all_of_it(outcomes: Outcomes, shop: Shop) -> None:
    for outcome in outcomes.values():
        outcome.exception(timeout=200)

    assert_books_agree(shop, wait_s=60)


def test_every_act_on_orders_is_tried_or_said_why_not() -> None:
    listed = {method for methods in CALLS.values() for method in methods}
    once = {method.label for method in methods_of(Orders) if not method.is_idempotent}

    assert once - listed == SETTLED.keys()


def test_every_call_that_orders_and_carts_make_is_tried(outcomes: Outcomes, calls: CallProxy) -> None:
    for outcome in outcomes.values():
        outcome.exception(timeout=200)
    listed = {method for methods in CALLS.values() for method in methods if not method.startswith("orders.")}

    assert (calls.calls["orders"] | calls.calls["carts"]) - ASIDE.keys() == listed
