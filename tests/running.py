"""A whole console for browser tests: `scripts/up` as a user types it, on a state directory of its own.

Its libvirt lives in a network namespace, so its bridge and addresses meet nobody else's; pages and consoles need no
network to reach guests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from instance import free_port

from tests.hosts import SCRIPTS

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


@pytest.fixture(scope="session")
def console() -> Iterator[Console]:
    """A console with the demo image in its list and the person `admin`."""
    state = Path(tempfile.mkdtemp(prefix="vmc-", dir="/tmp"))
    netns, port = state.name, free_port()
    subprocess.run(["ip", "netns", "add", netns], check=True)
    subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
    made = Console(f"http://127.0.0.1:{port}/", state, netns, settings=settings(state, port, netns))
    try:
        said = made.up("--detach")
        password = re.search(r"with the password (\S+)", said)
        assert password is not None, said
        yield Console(made.url, state, netns, password.group(1), made.settings)
    finally:
        made.up("down", "--guests", "--patience", "1", check=False)
        subprocess.run(["ip", "netns", "delete", netns], check=True)
        shutil.rmtree(state, ignore_errors=True)
