"""OpenID providers: a known one in a process of its own, and a strict one of ours that can lie."""

import itertools
import json
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey


@contextmanager
def mock_provider(*users: dict[str, Any]) -> Iterator[str]:
    """The package oidc-provider-mock on a free port; gives its issuer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    for user in users:
        command += ["--user-claims", json.dumps(user)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer, ends_at = f"http://127.0.0.1:{port}", time.monotonic() + 30
    try:
        while True:
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=2, trust_env=False)
                break
            except httpx.HTTPError:
                assert server.poll() is None and time.monotonic() < ends_at, "the provider did not answer"
                time.sleep(0.05)
        yield issuer
    finally:
        server.terminate()
        server.wait(10)


def consent(url: str, subject: str) -> dict[str, str]:
    """What the browser brings back after `subject` has agreed at the known provider."""
    answer = httpx.post(url, data={"sub": subject}, timeout=10, trust_env=False)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


class StrictProvider:
    """A provider that checks what it is asked, and says what a test wants it to say.

    `claims` go into the next tokens, over what is right; `key` signs, `published` is what it shows.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.published = [self.key]
        self.claims: dict[str, Any] = {}
        self.issuer = ""
        self.secret = "provider-secret"
        self.requests: list[str] = []
        self.refusals: list[str] = []
        self._count = itertools.count()
        self._codes: dict[str, dict[str, str]] = {}

    def agree(self, url: str) -> dict[str, str]:
        """What the browser brings back after somebody has agreed."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = f"code-{next(self._count)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    def answer(self, path: str, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        self.requests.append(path)
        if path == "/.well-known/openid-configuration":
            ends = ("authorization", "token", "jwks")
            found = {f"{end}_endpoint": f"{self.issuer}/{end}" for end in ends}
            return {"issuer": self.issuer, "jwks_uri": found["jwks_endpoint"], **found}
        if path == "/jwks":
            return {"keys": [key.as_dict(private=False) for key in self.published]}
        return self._token(form, authorization)

    def _token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        problems = [
            asked is None and "code",
            asked is not None and asked["code_challenge"] != challenge.decode() and "verifier",
            asked is not None and asked["redirect_uri"] != form.get("redirect_uri") and "redirect_uri",
            not authorization.startswith("Basic ") and "client",
        ]
        if any(problems) or asked is None:
            self.refusals += [each for each in problems if each]
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": asked["client_id"], "sub": "subject-1", "nonce": asked["nonce"],
            "iat": now, "exp": now + 300, "email": "ann@example.org", "email_verified": True, "name": "Ann",
        } | self.claims  # fmt: skip
        header = {"alg": "RS256", "kid": self.key.kid}
        return {"id_token": jwt.encode(header, claims, self.key), "token_type": "Bearer"}


@contextmanager
def strict_provider() -> Iterator[StrictProvider]:
    """A strict provider on a free port."""
    provider = StrictProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._reply({name: values[-1] for name, values in parse_qs(body).items()})

        def _reply(self, form: dict[str, str]) -> None:
            given = provider.answer(urlsplit(self.path).path, form, self.headers.get("authorization", ""))
            body = json.dumps(given or {"error": "invalid_grant"}).encode()
            self.send_response(200 if given is not None else 400)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
