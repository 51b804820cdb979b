"""Consoles behind a proxy that has no patience: a quiet one stays open, because the web process says that it lives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import GREETING, ListeningGuest, greet
from tests.hosts import wait_until
from tests.people import People
from tests.proxies import nginx
from vmconsole.gateway.serve import FLAGS

PATIENCE = 2  # seconds of the proxy; 60 in the field


@pytest.fixture
def quick_pings(server: Server) -> Iterator[Server]:
    """A web process that says so every half second, as the real one does every twenty."""
    quick = Server(arguments=["--ping-seconds", "0.5"])
    quick.start()
    yield quick
    quick.stop()


@pytest.fixture
def behind(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The same server, through nginx."""
    upstream: Server = request.getfixturevalue(request.param)
    with nginx(tmp_path, upstream.host, PATIENCE) as (port, process):
        proxy = Server(port=port, process=process)
        wait_until(proxy.answers, what="nginx")
        yield proxy


@pytest.mark.parametrize("behind", ["quick_pings"], indirect=True)
def test_a_quiet_console_outlives_the_proxys_patience(behind: Server, people: People, machine: Machine) -> None:
    carol = Browser(behind, people.carol)
    with ListeningGuest(machine.vnc, greet) as guest, carol.console(machine) as opened:
        assert opened.recv(timeout=10) == GREETING
        assert is_quiet(opened, 3 * PATIENCE)
        guest.say(b"still here")
        assert opened.recv(timeout=10) == b"still here"


@pytest.mark.parametrize("behind", ["server"], indirect=True)
def test_the_proxy_would_cut_it(behind: Server, people: People, machine: Machine) -> None:
    """Pings that are slower than the proxy's patience do not help: this is what the other test guards against."""
    carol = Browser(behind, people.carol)
    with ListeningGuest(machine.vnc, greet), carol.console(machine) as opened:
        assert close_code(opened, seconds=10 * PATIENCE) is None


def test_pings_are_more_frequent_than_any_usual_proxys_patience() -> None:
    assert FLAGS["ws_ping_interval"] <= 60 / 2  # nginx, Apache, HAProxy and cloud balancers: 60 seconds or less often


def is_quiet(opened: ClientConnection, seconds: float) -> bool:
    """Nothing comes and nobody hangs up."""
    try:
        opened.recv(timeout=seconds)
    except TimeoutError:
        return True
    except ConnectionClosed:
        return False
    return False
