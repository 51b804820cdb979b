"""A whole console for browser tests: `scripts/up` as a user types it, on a state directory of its own.

Its libvirt lives in a network namespace, so its bridge and addresses meet nobody else's; pages and consoles need no
network to reach guests.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from instance import free_port
from private_libvirt import running_guests
from processes import Supervisor

from tests.hosts import SCRIPTS
from tests.visitors import Visitor, come_in

UP = SCRIPTS.parent / "up"


@dataclass(frozen=True)
class Console:
    """A running console: where it is, and who may sign in at first."""

    url: str
    state: Path
    netns: str
    admin_password: str = ""
    settings: dict[str, str] = field(default_factory=dict)

    def up(self, *arguments: str, check: bool = True) -> str:
        """`scripts/up …` on this console's state; what it said."""
        done = subprocess.run(
            [UP, *arguments],
            env={**os.environ, **self.settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def process(self, name: str) -> int:
        """The process id of one of ours (web, worker, controller, redis, libvirt); 0 while it does not run."""
        known = {process["name"]: int(process["pid"]) for process in Supervisor(self.state).states()}
        return known[name]

    def daemon(self, name: str = "libvirtd") -> int:
        """The process id of libvirtd or virtlogd; 0 while there is none."""
        with suppress(OSError, ValueError):
            return int((self.state / f"libvirt/run/{name}.pid").read_text())
        return 0

    def guest(self, domain: str) -> int:
        """The process id of a guest's QEMU, by its domain name (`<namespace>_<name>`); 0 while there is none."""
        with suppress(OSError, ValueError):
            pid = int((self.state / f"libvirt/run/qemu/{domain}.pid").read_text())
            return pid if pid in self.guests() else 0
        return 0

    def guests(self) -> list[int]:
        """The process ids of all guests, also while libvirtd is down."""
        return running_guests(self.state / "libvirt/run")

    def virsh(self, *arguments: str) -> str:
        """What somebody at the host's terminal does beside the console."""
        uri = f"qemu+unix:///system?socket={self.state}/libvirt/run/libvirt-sock"
        done = subprocess.run(["virsh", "-q", "-c", uri, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, for what no page shows: that nothing is left behind. Reads only."""
        file = self.state / "db/vmconsole.sqlite3"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(question, values).fetchall()

    def manage(self, *arguments: str) -> str:
        """`manage.py …` as the worker's user, beside the running processes."""
        python = subprocess.run(
            ["/usr/bin/python3", SCRIPTS / "prepare.py", "--python"], check=True, capture_output=True, text=True
        ).stdout.strip()
        return subprocess.run(
            [python, SCRIPTS.parent.parent / "manage.py", *arguments],
            env={**os.environ, **self.settings, "DJANGO_SETTINGS_MODULE": "vmconsole.settings"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout


def settings(state: Path, port: int, netns: str) -> dict[str, str]:
    return {
        "VMCONSOLE_STATE": str(state),
        "VMCONSOLE_LISTEN": f"127.0.0.1:{port}",
        "VMCONSOLE_NETNS": netns,
        "VMCONSOLE_ACCEL": os.environ.get("VMCONSOLE_ACCEL", "auto"),
    }


@contextmanager
def running_console(**more: str) -> Iterator[Console]:
    """A console with the demo image in its list and the person `admin`, gone at the end with all it made."""
    state = Path(tempfile.mkdtemp(prefix="vmc-", dir="/tmp"))
    netns, port = state.name, free_port()
    subprocess.run(["ip", "netns", "add", netns], check=True)
    subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
    made = Console(f"http://127.0.0.1:{port}/", state, netns, settings={**settings(state, port, netns), **more})
    try:
        said = made.up("--detach")
        password = re.search(r"with the password (\S+)", said)
        assert password is not None, said
        yield Console(made.url, state, netns, password.group(1), made.settings)
    finally:
        made.up("down", "--guests", "--patience", "1", check=False)
        subprocess.run(["ip", "netns", "delete", netns], check=True)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def console() -> Iterator[Console]:
    """One console for the whole session."""
    with running_console() as made:
        yield made


@pytest.fixture(scope="session")
def admin(console: Console) -> Visitor:
    """Whom `scripts/up` made, with a password of their own since."""
    return come_in(console.url, "admin", console.admin_password)


@pytest.fixture(scope="session")
def editor(admin: Visitor) -> Visitor:
    """Who works in the namespace `default`, and only there."""
    return admin.invite("ed", ("edit", "default"), ("cluster-view", ""))


@pytest.fixture(scope="session")
def viewer(admin: Visitor) -> Visitor:
    """Who may look at the namespace `default`, and touch nothing."""
    return admin.invite("vera", ("view", "default"), ("cluster-view", ""))


@pytest.fixture(scope="session")
def stranger(admin: Visitor) -> Visitor:
    """Who administers another namespace: nothing of `default` is there for them."""
    admin.post("settings/namespaces/new", name="elsewhere")
    return admin.invite("stran", ("admin", "elsewhere"))
