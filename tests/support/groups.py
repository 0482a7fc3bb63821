"""Which tests run together on one worker, and in which order groups begin: the longest first.

A worker takes group after group. A group is a file, unless several files share a shop that takes long to
start, or one file has a shop per mode.
"""

from xdist.scheduler import LoadScopeScheduling

_SHARED = {
    "tests/browser/": "browser",
    "tests/journeys/": "journeys",
}
"""Folders whose files share one shop."""
_PARTS = ("distributed",)
"""Words in the name of a test that say which of several shops it is in."""
_LONGEST_FIRST = (
    "browser",
    "journeys distributed",
    "tests/faults/test_kill_later.py",
    "tests/faults/test_kill.py",
    "tests/platform/test_up.py",
    "tests/faults/test_order_life.py",
    "tests/faults/test_calls.py",
    "tests/privacy/test_canary.py",
    "tests/api/test_openapi.py",
    "journeys",
    "tests/kernel/test_lost_broker.py",
    "tests/catalog/test_imports.py",
    "tests/platform/test_engines.py",
    "tests/docs/test_api_guide.py",
    "tests/faults/test_paused.py",
    "tests/faults/test_outages.py",
    "tests/faults/test_broker.py",
    "tests/faults/test_races.py",
    "tests/faults/test_expiry.py",
)


def group_of(node_id: str) -> str:
    """The group of a test, from `tests/journeys/test_guest_buys.py::test_x[distributed]`."""
    file, _, name = node_id.partition("::")
    shared = next((group for folder, group in _SHARED.items() if file.startswith(folder)), None)
    if shared is None:
        return file
    return next((f"{shared} {part}" for part in _PARTS if f"[{part}" in name), shared)


def rank_of(node_id: str) -> tuple[int, str]:
    """Where the group of a test stands in the queue; within a group the order stays."""
    group = group_of(node_id)
    place = _LONGEST_FIRST.index(group) if group in _LONGEST_FIRST else len(_LONGEST_FIRST)
    return place, group


class GroupScheduling(LoadScopeScheduling):
    """Hands a whole group to one worker at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
