"""A real guest's screen and serial port: libvirt's sockets, QEMU's RFB, through the real web process."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from uuid import uuid4

import pytest
from websockets.sync.client import ClientConnection

from tests.gateway.conftest import Browser, Machine, close_code
from tests.gateway.test_serial import Terminal
from tests.hosts import LibvirtState, wait_until
from tests.people import MINE
from vmconsole.gateway.wire import OFF
from vmconsole.runtime.contract import RuntimeConnection
from vmconsole.runtime.libvirt.connection import open_connection
from vmconsole.runtime.types import MachineSpec, Power

pytestmark = pytest.mark.libvirt


@pytest.fixture
def runtime(libvirt_state: LibvirtState) -> Iterator[RuntimeConnection]:
    connection = open_connection(libvirt_state.uri, libvirt_state.state)
    yield connection
    connection.close()


@pytest.fixture
def guest(runtime: RuntimeConnection) -> Iterator[Machine]:
    """Firmware only: it prints, it has a screen, it takes keys."""
    uid = uuid4()
    runtime.machines.apply(MachineSpec(uid, MINE, "firmware", vcpus=1, memory_bytes=32 << 20))
    runtime.machines.set_power(uid, Power.ON)
    seen = runtime.machines.get(uid)
    assert seen is not None
    yield Machine(uid).known(
        vnc_socket=seen.screen.vnc_socket, serial_socket=seen.screen.serial_socket, serial_log=seen.screen.serial_log
    )
    runtime.machines.delete(uid)


class Screen:
    """A VNC client that knows just enough."""

    def __init__(self, opened: ClientConnection) -> None:
        self.opened = opened
        self.heard = b""

    def take(self, count: int) -> bytes:
        while len(self.heard) < count:
            message = self.opened.recv(timeout=10)
            if isinstance(message, bytes):  # the others say who is here
                self.heard += message
        taken, self.heard = self.heard[:count], self.heard[count:]
        return taken

    def begin(self) -> tuple[int, int]:
        """Shake hands; the size of the screen."""
        assert self.take(12) == b"RFB 003.008\n"
        self.opened.send(b"RFB 003.008\n")
        count = self.take(1)[0]
        assert 1 in self.take(count)  # no password: the way to the socket is the lock
        self.opened.send(b"\x01")
        assert self.take(4) == bytes(4)
        self.opened.send(b"\x00")  # alone, please: not granted
        width, height = struct.unpack("!HH", self.take(4))
        self.take(16)
        (length,) = struct.unpack("!I", self.take(4))
        self.take(length)
        return width, height

    def picture(self, width: int, height: int) -> bytes:
        self.opened.send(b"\x02\x00" + struct.pack("!Hi", 1, 0))
        self.opened.send(b"\x03\x00" + struct.pack("!HHHH", 0, 0, width, height))
        kind, _, rectangles = struct.unpack("!BBH", self.take(4))
        assert kind == 0
        pixels = b""
        for _ in range(rectangles):
            _, _, across, down, encoding = struct.unpack("!HHHHi", self.take(12))
            assert encoding == 0
            pixels += self.take(across * down * 4)
        return pixels


def test_screen(carol: Browser, guest: Machine) -> None:
    with carol.console(guest) as one:
        first = Screen(one)
        width, height = first.begin()
        assert width >= 640
        assert first.picture(width, height)
        with carol.console(guest, writable=False) as two:  # and the first is not thrown out
            second = Screen(two)
            size = second.begin()  # not always the first's: firmware changes the mode while it starts
            assert second.picture(*size)
            assert first.picture(width, height)


def test_screen_goes_with_the_machine(carol: Browser, guest: Machine, runtime: RuntimeConnection) -> None:
    with carol.console(guest) as opened:
        Screen(opened).begin()
        runtime.machines.set_power(guest.uid, Power.OFF, force=True)
        assert close_code(opened) == OFF
    with carol.console(guest) as opened:
        assert close_code(opened) == OFF


def test_serial_port_over_a_restart(carol: Browser, guest: Machine, runtime: RuntimeConnection) -> None:
    with carol.console(guest, "serial") as opened:
        terminal = Terminal(opened).until_state(state="live")
        runtime.machines.set_power(guest.uid, Power.OFF, force=True)
        terminal.until_state(state="waiting")
        wait_until(lambda: getattr(runtime.machines.get(guest.uid), "power", None) is Power.OFF)
        runtime.machines.set_power(guest.uid, Power.ON)
        terminal.until_state(state="live")
