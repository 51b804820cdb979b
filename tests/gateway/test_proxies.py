"""Consoles behind a proxy that has no patience: a quiet one stays open, because the web process says that it lives."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import GREETING, ListeningGuest, greet
from tests.hosts import wait_until
from tests.people import People
from vmconsole.gateway.serve import FLAGS

PATIENCE = 2  # seconds of the proxy; 60 in the field
CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout {patience}s;
      proxy_buffering off;
    }}
  }}
}}
"""


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
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program, "nginx is among the packages of the tests"
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(folder=tmp_path, port=port, upstream=upstream.host, patience=PATIENCE))
    with subprocess.Popen([program, "-p", str(tmp_path), "-e", "stderr", "-c", str(config)]) as nginx:
        proxy = Server(port=port, process=nginx)
        wait_until(proxy.answers, what="nginx")
        yield proxy
        nginx.terminate()


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
