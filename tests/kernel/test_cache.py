"""The cache stays inside its bytes and never serves what was dropped."""

from hypothesis import given
from hypothesis import strategies as st

from mercato.kernel.cache import ENTRY_OVERHEAD_BYTES, Cache


def test_returns_what_was_put_until_its_tag_is_dropped() -> None:
    cache: Cache[bytes] = Cache(10_000)
    cache.put("/a", b"page", 4, ["product:1", "products"])
    cache.put("/b", b"other", 5, ["product:2", "products"])
    assert cache.get("/a") == b"page"
    assert cache.drop("product:1") == 1
    assert cache.get("/a") is None
    assert cache.get("/b") == b"other"
    assert cache.drop("products", "product:2") == 1
    assert (len(cache), cache.used_bytes) == (0, 0)


def test_throws_out_what_was_used_least_recently() -> None:
    cache: Cache[int] = Cache(3 * (ENTRY_OVERHEAD_BYTES + 100))
    for number in range(3):
        cache.put(number, number, 100)
    assert cache.get(0) == 0
    cache.put(3, 3, 100)
    assert [cache.get(number) for number in range(4)] == [0, None, 2, 3]


def test_does_not_keep_what_is_larger_than_itself() -> None:
    cache: Cache[int] = Cache(1_000)
    cache.put("small", 1, 10)
    cache.put("huge", 2, 2_000)
    assert (cache.get("small"), cache.get("huge")) == (1, None)


def test_does_not_keep_what_was_read_before_a_drop() -> None:
    cache: Cache[int] = Cache(10_000)
    generation = cache.generation
    cache.drop("product:1")
    cache.put("/a", 1, 10, ["product:1"], generation=generation)
    assert cache.get("/a") is None
    cache.put("/a", 2, 10, ["product:1"], generation=cache.generation)
    assert cache.get("/a") == 2


def test_replacing_an_entry_forgets_its_old_tags() -> None:
    cache: Cache[int] = Cache(10_000)
    cache.put("/a", 1, 10, ["old"])
    cache.put("/a", 2, 10, ["new"])
    assert cache.drop("old") == 0
    assert cache.get("/a") == 2
    assert cache.used_bytes == 10 + ENTRY_OVERHEAD_BYTES


actions = st.lists(
    st.tuples(
        st.sampled_from(["put", "get", "drop"]), st.integers(0, 9), st.integers(0, 3_000), st.integers(0, 3)
    ),
    max_size=60,
)


@given(actions)
def test_is_never_over_its_bound_and_never_serves_a_dropped_entry(
    steps: list[tuple[str, int, int, int]],
) -> None:
    cache: Cache[int] = Cache(5_000)
    live: dict[int, tuple[int, int]] = {}
    for number, (act, key, size, tag) in enumerate(steps):
        if act == "put":
            cache.put(key, number, size, [str(tag)])
            live[key] = (number, tag)
        elif act == "drop":
            cache.drop(str(tag))
            live = {k: v for k, v in live.items() if v[1] != tag}
        else:
            found = cache.get(key)
            assert found is None or live[key][0] == found
        assert 0 <= cache.used_bytes <= cache.max_bytes
        assert (len(cache) == 0) == (cache.used_bytes == 0)
