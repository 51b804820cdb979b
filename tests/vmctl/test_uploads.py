"""Uploads through lines that break: what is there already is never sent again."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.visitors import wait_for
from tests.vmctl.conftest import Vmctl

MIB = 1 << 20
SIZE = 40 * MIB


class Line:
    """A stretch of wire before the server. It can be cut, and it counts what goes up."""

    def __init__(self, port: int) -> None:
        self.server = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sent = 0
        self.cut_at: list[int] = []
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server))
                self.open += [client, server]
                threading.Thread(target=self._carry, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(server, client, False), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, up: bool) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                if up:
                    self.sent += len(data)
                    if self.cut_at and self.sent > self.cut_at[0]:
                        self.cut_at.pop(0)
                        break
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes whoever waits at it
            end.close()  # or it would go on taking in what nobody reads, until it is full

    def close(self) -> None:
        for one in (self.listener, *self.open):
            one.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Big Image.img"
    with path.open("wb") as out:
        for number in range(SIZE // MIB):
            out.write(bytes([number]) * MIB)
    return path


@pytest.fixture
def line(vmctl: Vmctl, tmp_path: Path) -> Iterator[tuple[Vmctl, Line]]:
    """Somebody behind a line, and the line."""
    config = vmctl.kubeconfig.read_text()
    found = re.search(r"https://127\.0\.0\.1:(\d+)", config)
    assert found
    wire = Line(int(found.group(1)))
    behind = Vmctl(tmp_path / "config")
    behind.kubeconfig.write_text(config.replace(found.group(0), f"https://127.0.0.1:{wire.port}"))
    yield behind, wire
    wire.close()


def test_an_upload_goes_on_by_itself_after_every_cut(vmctl: Vmctl, line: tuple[Vmctl, Line], file: Path) -> None:
    behind, wire = line
    wire.cut_at = [12 * MIB, 30 * MIB]
    said = behind.ok("upload", file, "--disk", "--name", "cut-twice")
    assert said.strip() == "VirtualMachineDisk/cut-twice"
    assert wire.cut_at == []
    assert SIZE < wire.sent < SIZE + 2 * 9 * MIB  # at each cut one part of 8 MiB at the most
    assert vmctl.yaml("get", "gdisk", "cut-twice")["kind"] == "VirtualMachineDisk"


def test_an_upload_that_was_killed_goes_on_with_the_same_command(
    vmctl: Vmctl, line: tuple[Vmctl, Line], file: Path
) -> None:
    behind, wire = line
    first = subprocess.Popen(
        [*behind.program, "upload", str(file), "--disk", "--name", "killed"], env=behind.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for(lambda: wire.sent > 18 * MIB, why="two parts to be sent")
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    behind.ok("upload", file, "--disk", "--name", "killed")
    assert wire.sent < SIZE + 17 * MIB
    assert vmctl.yaml("get", "gdisk", "killed")["kind"] == "VirtualMachineDisk"


def test_a_name_is_made_of_the_files(vmctl: Vmctl, tmp_path: Path) -> None:
    file = tmp_path / "My_Debian 13.qcow2.gz"
    file.write_bytes(b"x" * 100)
    assert vmctl.ok("upload", file, "--disk").strip() == "VirtualMachineDisk/my-debian-13"


def test_images_come_from_allowed_addresses_only(vmctl: Vmctl) -> None:
    assert vmctl.refused("image", "add", "inside", "http://127.0.0.1/x.img", code=8)
    assert "vm-system" in vmctl.ok("image", "list")
    assert vmctl.refused("image", "delete", "nobody", "--yes", code=6)
