"""What a person typed is fetched from the internet only, from the address that was checked."""

from collections.abc import Iterator

import pytest

from mercato.kernel.errors import Invalid
from mercato.kernel.outgoing import Reach, fetch, is_public, target_of

PUBLIC = "93.184.216.34"


async def names(host: str, port: int) -> list[str]:
    """A resolver of the test's own."""
    known = {
        "shop.example": [PUBLIC],
        "inside.example": ["10.0.0.7"],
        "both.example": [PUBLIC, "169.254.169.254"],
        "six.example": ["2606:2800:220:1::1"],
    }
    if host not in known:
        raise OSError("no such host")
    return known[host]


REACH = Reach(resolve=names)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1",
    ],
)  # fmt: skip
def test_nothing_that_only_this_machine_or_its_network_reaches_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:2800:220:1::1"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://inside.example/", "url_private"),
        ("https://both.example/", "url_private"),
        ("https://nowhere.example/", "url_unknown"),
        ("http://shop.example/", "url_invalid"),
        ("file:///etc/passwd", "url_invalid"),
        ("gopher://shop.example/", "url_invalid"),
        ("https://user:secret@shop.example/", "url_invalid"),
        ("https://shop.example:5432/", "url_port"),
        ("https://shop.example:99999/", "url_port"),
        ("https://", "url_invalid"),
        ("https://shop.example/" + "a" * 2000, "url_invalid"),
        ("https://shop.example/\r\nX: y", "url_invalid"),
    ],
)
async def test_refuses_before_anything_is_sent(url: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await target_of(url, field="issuer", reach=REACH)
    assert [(error.field, error.code) for error in refused.value.errors] == [("issuer", code)]


async def test_the_checked_address_is_the_one_that_is_called() -> None:
    found = await target_of("https://shop.example/a?b", reach=REACH)
    assert (found.host, found.address, found.port) == ("shop.example", PUBLIC, 443)


async def test_literal_addresses_and_their_odd_spellings_are_resolved_before_they_are_judged() -> None:
    for host in ("127.0.0.1", "localhost", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]"):
        with pytest.raises(Invalid) as refused:
            await target_of(f"http://{host}/", reach=Reach(https_only=False))
        assert refused.value.code in ("url_private", "url_unknown"), host


class TestFetching:
    @pytest.fixture
    def far_away(self) -> Iterator[str]:
        """A server of another company that leads to a machine of ours."""
        import threading
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", "http://inside.example:8080/secret")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        server.server_close()

    async def test_a_redirect_into_the_house_is_refused(self, far_away: str) -> None:
        host, port = far_away.split(":")
        seen: list[str] = []

        async def resolver(name: str, at: int) -> list[str]:
            seen.append(name)
            return [host] if name == "shop.example" else await names(name, at)

        # The stand-in for the far server lives on loopback: for this test that address is a public one.
        reach = Reach(
            https_only=False, ports=frozenset({8080, int(port)}), resolve=resolver,
            may_be=lambda address: address == host or is_public(address),
        )  # fmt: skip
        with pytest.raises(Invalid) as refused:
            await fetch(f"http://shop.example:{port}/", reach=reach)
        assert refused.value.code == "url_private"
        assert seen == ["shop.example", "inside.example"]
