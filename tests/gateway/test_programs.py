"""Programs at screens and serial ports: KubeVirt's addresses, a token, plain bytes, refusals in words of HTTP."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import timezone
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from inventory.models import VirtualMachine
from observability.models import AuditEntry
from tests.access.tokens import token_of
from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import GREETING, ListeningGuest, echo, flood, greet
from tests.hosts import wait_until
from tests.people import MINE, People
from vmconsole.access import bearers
from vmconsole.access.models import RoleBinding, Token, User
from vmconsole.access.rules import TokenRights
from vmconsole.gateway.wire import DENIED, OFF, SIGNED_OUT, TOO_BIG

PLAIN = "plain.kubevirt.io"


def address(name: str, kind: str, namespace: str = MINE, version: str = "v1") -> str:
    return f"/apis/subresources.kubevirt.io/{version}/namespaces/{namespace}/virtualmachineinstances/{name}/{kind}"


@contextmanager
def opened(server: Server, path: str, raw: str = "", **options: Any) -> Iterator[ClientConnection]:
    headers = {**({"Authorization": f"Bearer {raw}"} if raw else {}), **options.pop("headers", {})}
    where = f"ws://{server.host}{path}"
    with connect(where, additional_headers=headers, compression=None, proxy=None, close_timeout=2, **options) as socket:
        yield socket


def refusal(server: Server, path: str, raw: str = "", **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as refused, opened(server, path, raw, **options):
        raise AssertionError(f"{path} opened")
    status: dict[str, Any] = json.loads(refused.value.response.body or b"{}")
    assert (status["kind"], status["status"]) == ("Status", "Failure")
    assert refused.value.response.headers["content-type"] == "application/json"
    assert status["code"] == refused.value.response.status_code
    return refused.value.response.status_code, status


@pytest.fixture
def machine(people: People) -> Machine:
    vm = VirtualMachine.objects.create(namespace=MINE, name="web-1", status_power="on", status_state="Running")
    return Machine(vm.uid)


@pytest.fixture
def screen(machine: Machine) -> Iterator[ListeningGuest]:
    with ListeningGuest(machine.vnc, greet) as guest:
        yield guest


@pytest.fixture
def carols(people: People) -> str:
    return token_of(people.carol)[1]


def test_a_screen_over_the_header(server: Server, screen: ListeningGuest, carols: str) -> None:
    with opened(server, address("web-1", "vnc"), carols, subprotocols=[PLAIN]) as socket:
        assert socket.subprotocol == PLAIN
        assert socket.recv(timeout=5) == GREETING
    with opened(server, address("web-1", "vnc", version="v1alpha3"), carols) as socket:
        assert socket.subprotocol is None
        assert socket.recv(timeout=5) == GREETING


def test_a_screen_over_the_sub_protocol(server: Server, screen: ListeningGuest, carols: str) -> None:
    token = "base64url.bearer.authorization.k8s.io." + urlsafe_b64encode(carols.encode()).decode().rstrip("=")
    with opened(server, address("web-1", "vnc"), subprotocols=[token, PLAIN]) as socket:
        assert socket.subprotocol == PLAIN
        assert socket.recv(timeout=5) == GREETING


def test_bytes_both_ways_and_text_means_nothing(server: Server, machine: Machine, carols: str) -> None:
    with ListeningGuest(machine.serial, echo), opened(server, address("web-1", "console"), carols) as socket:
        socket.send("not for the guest")
        socket.send(b"uname\n")
        assert socket.recv(timeout=5) == b"uname\n"


def test_the_prompt_that_waits_is_shown(server: Server, machine: Machine, carols: str) -> None:
    machine.log.write_bytes(b"booting\r\nwelcome\r\n\r\nlogin: \x1b[6n")
    try:
        with ListeningGuest(machine.serial, echo), opened(server, address("web-1", "console"), carols) as socket:
            assert socket.recv(timeout=5) == b"login: "
    finally:
        machine.log.unlink()


def test_two_at_one_screen_keep_it(server: Server, screen: ListeningGuest, carols: str) -> None:
    with (
        opened(server, address("web-1", "vnc"), carols) as one,
        opened(server, address("web-1", "vnc") + "?preserveSession=true", carols) as two,
        opened(server, address("web-1", "vnc") + "?preserveSession=false", carols) as three,
    ):
        assert {each.recv(timeout=5) for each in (one, two, three)} == {GREETING}


def test_it_ends_with_the_machine(server: Server, machine: Machine, screen: ListeningGuest, carols: str) -> None:
    with ListeningGuest(machine.serial, echo) as port:
        with opened(server, address("web-1", "vnc"), carols) as socket:
            screen.power_off()
            assert close_code(socket) == OFF
        with opened(server, address("web-1", "console"), carols) as socket:
            port.power_off()
            assert close_code(socket) == OFF


def test_a_frame_too_large(server: Server, screen: ListeningGuest, carols: str) -> None:
    with opened(server, address("web-1", "vnc"), carols) as socket:
        socket.send(bytes(65 * 1024))
        assert close_code(socket) == TOO_BIG


def test_who_does_not_read_holds_the_guest_back(server: Server, machine: Machine, carols: str) -> None:
    before = server.memory()
    with ListeningGuest(machine.vnc, flood(64 << 20)), opened(server, address("web-1", "vnc"), carols) as socket:
        assert socket.recv(timeout=5)
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            assert server.memory() - before < 8 << 20
            time.sleep(0.1)


def test_refusals(server: Server, machine: Machine, people: People, carols: str) -> None:
    bobs, daves = token_of(people.bob)[1], token_of(people.dave)[1]
    vnc = address("web-1", "vnc")
    assert refusal(server, vnc)[0] == 401
    assert refusal(server, vnc, bobs)[0] == 403
    for path, raw in (
        (vnc, daves),
        (address("nobody", "vnc"), carols),
        (address("web-1", "vnc", namespace="b"), carols),
        (address("web-1", "usbredir"), carols),
        (address("web-1", "portforward/22/tcp"), carols),
        (address("web-1", "vnc", version="v2"), carols),
        ("/apis/elsewhere", carols),
    ):
        assert refusal(server, path, raw)[0] == 404, path
    code, status = refusal(server, vnc, carols)  # nobody listens
    assert (code, status["reason"]) == (400, "BadRequest")
    VirtualMachine.objects.update(status_power="off")
    code, status = refusal(server, vnc, carols)
    assert (code, status["message"]) == (400, "VM is not running")
    refused = AuditEntry.objects.filter(phase="refused", action="console.vnc")
    assert list(refused.values_list("actor_name", "auth")) == [("bob", "token")]
    assert not AuditEntry.objects.filter(phase="started").exists()


def test_tokens_that_are_none(server: Server, screen: ListeningGuest, people: People) -> None:
    token, raw = token_of(people.carol)
    Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    reads = token_of(people.carol, TokenRights.READ, name="reads")[1]
    elsewhere = token_of(people.erin, places=["b"], name="elsewhere")[1]
    vnc = address("web-1", "vnc")
    assert [refusal(server, vnc, each)[0] for each in (raw, "nonsense", reads, elsewhere)] == [401, 401, 403, 404]


def test_guessing_ends(server: Server, screen: ListeningGuest, carols: str) -> None:
    codes = {refusal(server, address("web-1", "vnc"), "vmc_nonsense")[0] for _ in range(bearers.FAILURES_A_MINUTE + 2)}
    assert codes == {401, 429}
    with opened(server, address("web-1", "vnc"), carols) as socket:
        assert socket.recv(timeout=5) == GREETING


def test_cookies_and_pages_of_others_open_nothing(server: Server, screen: ListeningGuest, people: People) -> None:
    carol = Browser(server, people.carol)
    raw = token_of(people.carol)[1]
    vnc, cookie = address("web-1", "vnc"), {"Cookie": carol.cookie}
    assert refusal(server, vnc, headers=cookie)[0] == 401
    assert refusal(server, vnc, headers=cookie, origin=server.origin)[0] == 401
    token = "base64url.bearer.authorization.k8s.io." + urlsafe_b64encode(raw.encode()).decode().rstrip("=")
    foreign: dict[str, Any] = {"origin": "https://evil.example", "subprotocols": [token, PLAIN]}
    assert refusal(server, vnc, **foreign)[0] == 403


def test_as_many_as_seats(server: Server, screen: ListeningGuest, carols: str) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for _ in range(8):  # tests/gateway/settings.py
            stack.enter_context(opened(server, address("web-1", "vnc"), carols))
        code, status = refusal(server, address("web-1", "vnc"), carols)
        assert (code, status["details"]["retryAfterSeconds"]) == (429, 5)


def test_the_audit_knows_both_ends(server: Server, screen: ListeningGuest, people: People) -> None:
    token, raw = token_of(people.carol)
    with opened(server, address("web-1", "vnc"), raw) as socket:
        socket.recv(timeout=5)
        socket.send(GREETING)
    wait_until(lambda: AuditEntry.objects.filter(phase="ended").exists(), what="the end")
    started, ended = AuditEntry.objects.filter(action="console.vnc").order_by("id")
    assert (started.phase, started.actor_name, started.token_id) == ("started", "carol", str(token))
    assert (ended.details["bytes_down"], ended.details["bytes_up"]) == (len(GREETING), len(GREETING))
    assert raw not in started.extra + ended.extra


@pytest.mark.parametrize("kind", ["vnc", "console"])
@pytest.mark.parametrize("how", ["revoked", "expired", "role", "person"])
def test_it_closes_soon_after_the_right_ended(
    kind: str, how: str, server: Server, machine: Machine, screen: ListeningGuest, people: People
) -> None:
    token, raw = token_of(people.carol)
    with ListeningGuest(machine.serial), opened(server, address("web-1", kind), raw) as socket:
        match how:
            case "revoked":
                Token.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
            case "expired":
                Token.objects.filter(pk=token.pk).update(expires_at=timezone.now())
            case "role":
                RoleBinding.objects.filter(user=people.carol).delete()
            case "person":
                User.objects.filter(pk=people.carol.pk).update(is_active=False)
        begun = time.monotonic()
        assert close_code(socket) == (DENIED if how == "role" else SIGNED_OUT)
        assert time.monotonic() - begun < 5
