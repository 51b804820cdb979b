"""Only our own pages open websockets: every origin that looks like ours and is not, on every route."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.gateway.conftest import Browser, Machine, close_code
from vmconsole.gateway.origins import allowed

PORT = 8123
OURS = f"http://127.0.0.1:{PORT}"

FOREIGN = [
    None,
    "",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:80",
    "https://127.0.0.1:{port}",
    "ws://127.0.0.1:{port}",
    "http://localhost:{port}",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1:{port}@evil.example",
    "http://evil.example#127.0.0.1:{port}",
    "http://evil.127.0.0.1:{port}",
    "http://127.0.0.1.evil.example:{port}",
    "HTTP://127.0.0.1:{port}",
    "//127.0.0.1:{port}",
    "127.0.0.1:{port}",
    "file://",
    "chrome-extension://abcdefgh",
    "http://xn--80ak6aa92e.example",
    "http://127.0.0.1:{port} http://evil.example",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_every_socket_refuses(origin: str | None, carol: Browser, machine: Machine) -> None:
    said = origin.format(port=carol.server.port) if origin else None
    for path in (
        "/feed",
        f"/console/{machine.uid}/vnc",
        f"/console/{machine.uid}/serial",
        "/console/check",
        "/nowhere",
    ):
        with pytest.raises(InvalidStatus) as refused, carol.socket(path, origin=said):
            raise AssertionError(f"{path} opened for {said}")
        assert refused.value.response.status_code == 403


def test_every_socket_opens_for_its_own_pages(carol: Browser, machine: Machine) -> None:
    for path in ("/feed", f"/console/{machine.uid}/vnc", f"/console/{machine.uid}/serial"):
        with carol.socket(path):
            continue


def headers(*pairs: tuple[str, str], scheme: str = "ws") -> dict[str, object]:
    return {"scheme": scheme, "headers": [(name.encode(), value.encode()) for name, value in pairs]}


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        (headers(("host", "127.0.0.1:80"), ("origin", "http://127.0.0.1:80")), True),
        (headers(("host", "localhost"), ("origin", "https://localhost"), scheme="wss"), True),
        # A name of theirs that resolves to us.
        (headers(("host", "evil.example"), ("origin", "http://evil.example")), False),
        (headers(("host", "evil.example"), ("origin", "https://console.example")), True),
        (headers(("host", "localhost"), ("origin", "https://console.example.evil")), False),
        (headers(("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://localhost")), False),
        (headers(("host", "localhost"), ("host", "evil.example"), ("origin", "http://localhost")), False),
        (headers(("origin", "http://localhost")), False),
        (headers(("host", ""), ("origin", "http://")), False),
    ],
)
def test_hosts_and_listed_origins(scope: dict[str, object], may: bool, settings: object) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]  # type: ignore[attr-defined]
    settings.CSRF_TRUSTED_ORIGINS = ["https://console.example"]  # type: ignore[attr-defined]
    assert allowed(scope) is may


def test_the_check_says_one_message_back(carol: Browser) -> None:
    with carol.socket("/console/check") as opened:
        opened.send("hello" * 1000)
        assert opened.recv(timeout=5) == ("hello" * 1000)[:512]
        assert close_code(opened) == 1000


@pytest.mark.parametrize(
    ("headers", "fits"),
    [
        ({}, True),
        ({"host": "console.example.org"}, False),  # a proxy that says its own name, or none that is ours
    ],
)
def test_the_check_finds_a_proxy_that_changes_the_host(carol: Browser, headers: dict[str, str], fits: bool) -> None:
    page = carol.server.origin
    answer = httpx.get(
        f"{page}/console/check", params={"origin": page}, headers={"cookie": carol.cookie, **headers}, timeout=10
    )
    if fits:
        assert answer.json() == {"scheme": "http", "host": carol.server.host, "fits": True}
    else:
        assert answer.status_code == 400 or answer.json()["fits"] is False
