"""Real hosts for tests: a private libvirtd in a state directory and network namespace of its own, and the demo image.

One libvirtd for the whole session: the first look of a new one at QEMU takes seconds. Tests share it and delete what
they make; at the end everything that is left is killed, and the namespace takes its bridges and leases with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from private_libvirt import running_guests

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts" / "lib"
SYSTEM_PYTHON = "/usr/bin/python3"
PATIENCE = 60.0


def wait_until(true: object, *, seconds: float = PATIENCE, what: str = "it") -> None:
    """Look until `true()` is true. The deadline only ends a test that failed anyway."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class LibvirtState:
    """A running private libvirtd. `netns` is the network namespace its bridges are in."""

    state: Path
    uri: str
    netns: str
    supervisor: int

    def daemon(self, name: str = "libvirtd") -> int:
        """The process id of libvirtd or virtlogd, for tests that kill it; 0 while there is none."""
        with suppress(OSError, ValueError):  # the file is empty for a moment
            return int((self.state / f"libvirt/run/{name}.pid").read_text())
        return 0

    def machine(self, domain: str) -> int:
        """The process id of a guest's QEMU, by its domain name."""
        return int((self.state / f"libvirt/run/qemu/{domain}.pid").read_text())


def start_libvirt(state: Path, netns: str) -> subprocess.Popen[bytes]:
    supervisor = subprocess.Popen(
        [SYSTEM_PYTHON, SCRIPTS / "private_libvirt.py", state, "--netns", netns], stdin=subprocess.DEVNULL
    )
    socket = state / "libvirt/run/libvirt-sock"
    wait_until(lambda: socket.exists() or supervisor.poll() is not None, what="libvirtd's socket")
    assert supervisor.poll() is None, "the private libvirtd did not start"
    return supervisor


def kill_leftovers(state: Path) -> None:
    """Guests and dnsmasq of this libvirtd, known by the pid files it keeps."""
    run = state / "libvirt/run"
    servers = [int(file.read_text()) for file in run.glob("network/*.pid") if file.stem != "driver"]
    for pid in [*running_guests(run), *servers]:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def libvirt_state() -> Iterator[LibvirtState]:
    """A real libvirt: `.uri` to connect to, `.state` for its disks, sockets and logs."""
    # Right below /tmp: a socket's path may have 107 characters, and pytest's own folders eat most of them.
    state = Path(tempfile.mkdtemp(prefix="vmc-", dir="/tmp"))
    state.chmod(0o711)
    netns = state.name
    subprocess.run(["ip", "netns", "add", netns], check=True)
    subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
    supervisor = start_libvirt(state, netns)
    try:
        uri = f"qemu+unix:///system?socket={state}/libvirt/run/libvirt-sock"
        yield LibvirtState(state, uri, netns, supervisor.pid)
    finally:
        kill_leftovers(state)
        supervisor.terminate()
        supervisor.wait(30)
        subprocess.run(["ip", "netns", "delete", netns], check=True)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def demo_image() -> Path:
    """The demo image as a qcow2 file, built once and kept in the checkout's cache."""
    cache = SCRIPTS.parent.parent / ".cache" / "guest"
    built = subprocess.run(
        [sys.executable, SCRIPTS / "guest" / "build.py", cache], check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(built.stdout.strip().splitlines()[-1])
