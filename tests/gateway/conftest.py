"""A real web process on a real port, and browsers that talk to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from websockets.sync.client import ClientConnection, connect

from observability import changes
from tests.gateway.guests import ListeningGuest
from tests.hosts import wait_until
from tests.people import MINE, People, make_people
from vmconsole.access.models import User
from vmconsole.gateway import tickets

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Server:
    """The web process. `restart()` kills it as a crash would."""

    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    app: str = "tests.gateway.application:application"
    environment: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    certificate: tuple[Path, Path] | None = None  # with its key: the server is https
    log: Path = field(default_factory=lambda: Path(settings.STATE) / "run" / "web.log")

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.host}"

    def start(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(256)
        self.port = listener.getsockname()[1]
        database = str(connection.settings_dict["NAME"])
        environment = {
            **os.environ, **self.environment,
            "DJANGO_SETTINGS_MODULE": "tests.gateway.settings", "TEST_DATABASE": database,
        }  # fmt: skip
        command = [sys.executable, "-m", "vmconsole.gateway.serve", "--app", self.app]
        if self.certificate:
            command += ["--tls-certificate", str(self.certificate[0]), "--tls-key", str(self.certificate[1])]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments, "--fd", str(listener.fileno())],
                cwd=ROOT, env=environment, pass_fds=[listener.fileno()], stdout=log, stderr=log,
            )  # fmt: skip
        listener.close()
        wait_until(self.answers, what="the web process")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return httpx.get(f"{self.origin}/no-such-page", timeout=5, verify=not self.certificate).status_code < 600
        except httpx.HTTPError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def memory(self) -> int:
        """Bytes of its own that the process holds now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024


@pytest.fixture(scope="session")
def web(django_db_setup: None) -> Iterator[Server]:
    server = Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(web: Server, transactional_db: None) -> Server:
    """The web process; tests and it see the same rows."""
    if web.process is None:
        web.start()
    return web


@pytest.fixture
def people(transactional_db: None) -> People:
    return make_people()


@dataclass
class Machine:
    """A machine in the file that the web process reads."""

    uid: UUID
    namespace: str = MINE
    name: str = "web-1"

    @property
    def vnc(self) -> Path:
        return Path(settings.CONSOLE_DIR) / f"{self.uid}.vnc"

    @property
    def serial(self) -> Path:
        return Path(settings.CONSOLE_DIR) / f"{self.uid}.serial"

    @property
    def log(self) -> Path:
        return Path(settings.SERIAL_DIR) / f"{self.uid}.log"

    def known(self, **more: Any) -> Machine:
        file = Path(settings.RUN_DIR) / "targets.json"
        machines = json.loads(file.read_text()) if file.exists() else {}
        machines[str(self.uid)] = {"namespace": self.namespace, "name": self.name, **more}
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(machines))
        fresh.rename(file)
        return self


@pytest.fixture
def machine() -> Machine:
    return Machine(uuid4()).known()


@pytest.fixture
def screen(machine: Machine) -> Iterator[ListeningGuest]:
    with ListeningGuest(machine.vnc) as guest:
        yield guest


@dataclass
class Browser:
    """Somebody who is signed in, and opens websockets."""

    server: Server
    user: User
    session: SessionStore = field(init=False)

    def __post_init__(self) -> None:
        self.session = SessionStore()
        self.session[SESSION_KEY] = str(self.user.pk)
        self.session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        self.session[HASH_SESSION_KEY] = self.user.get_session_auth_hash()
        self.session.create()

    @property
    def session_key(self) -> str:
        assert self.session.session_key
        return self.session.session_key

    @property
    def cookie(self) -> str:
        return f"{settings.SESSION_COOKIE_NAME}={self.session_key}"

    @contextmanager
    def socket(self, path: str, *, origin: str | None = "", **options: Any) -> Iterator[ClientConnection]:
        with connect(
            f"ws://{self.server.host}{path}",
            origin=self.server.origin if origin == "" else origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie},
            compression=None,
            proxy=None,
            max_size=None,
            close_timeout=2,
            **options,
        ) as opened:
            yield opened

    def ticket(self, machine: Machine, kind: str = "vnc", *, writable: bool = True) -> str:
        return tickets.issue(self.user, self.session_key, machine.uid, machine.namespace, kind, writable=writable)

    @contextmanager
    def console(
        self, machine: Machine, kind: str = "vnc", *, writable: bool = True, **options: Any
    ) -> Iterator[ClientConnection]:
        ticket = self.ticket(machine, kind, writable=writable)
        with self.socket(f"/console/{machine.uid}/{kind}", **options) as opened:
            opened.send(json.dumps({"ticket": ticket}))
            yield opened


@pytest.fixture
def carol(server: Server, people: People) -> Browser:
    """Edits namespace a, so may use its consoles. The web process knows that tables were emptied between tests."""
    browser = Browser(server, people.carol)
    wait_until(lambda: newest_known_to(browser) <= changes.latest(), what="the feed to notice the emptied table")
    return browser


def newest_known_to(browser: Browser) -> int:
    with browser.socket("/feed") as opened:
        return int(json.loads(opened.recv(timeout=5))["last"])


def close_code(opened: ClientConnection, seconds: float = 10) -> int | None:
    """Read until the server closes; why it did."""
    from websockets.exceptions import ConnectionClosed

    try:
        while True:
            opened.recv(timeout=seconds)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
