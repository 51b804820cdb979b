"""The pipe between one browser and one guest: faithful, bounded, and closed for a reason."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from observability.models import AuditEntry
from tests.gateway.conftest import Browser, Machine, Server, close_code
from tests.gateway.guests import GREETING, ListeningGuest, echo, flood, greet
from tests.hosts import wait_until
from tests.people import People
from vmconsole.access.models import RoleBinding
from vmconsole.gateway.models import ConsoleSession
from vmconsole.gateway.wire import BAD_MESSAGE, DENIED, FAILED, OFF, SIGNED_OUT, TOO_BIG, TOO_MANY

MIB = 2**20


def test_carries_every_byte_both_ways(carol: Browser, machine: Machine) -> None:
    """Sizes around every boundary of framing and buffering."""
    sizes = [1, 2, 125, 126, 127, 4095, 4096, 65_535, 65_536, 13, 40_000]
    said = [random.Random(size).randbytes(size) for size in sizes]
    with ListeningGuest(machine.vnc, echo), carol.console(machine) as opened:
        expected = bytearray(b"".join(said))
        expected[13] = 1 if len(expected) > 13 else 0  # the "shared" flag, see test_rfb
        for data in said:
            opened.send(data)
        heard = b""
        while len(heard) < len(expected):
            heard += opened.recv(timeout=10)  # type: ignore[operator]
    differs = [i for i, (a, b) in enumerate(zip(heard, b"".join(said), strict=True)) if a != b]
    assert set(differs) <= {13, 14, 29}


def test_fragments_and_pings_pass(carol: Browser, machine: Machine) -> None:
    with ListeningGuest(machine.vnc, echo), carol.console(machine) as opened:
        opened.send([b"RFB ", b"003.", b"008\n", b"\x01\x01"])
        assert opened.ping().wait(5)
        heard = b""
        while len(heard) < 14:
            heard += opened.recv(timeout=5)  # type: ignore[operator]
        assert heard == GREETING + b"\x01\x01"


def test_guest_that_hangs_up(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    with carol.console(machine) as opened:
        wait_until(lambda: screen.connections)
        screen.power_off()
        assert close_code(opened) == OFF


def test_machine_that_is_off(carol: Browser, machine: Machine) -> None:
    with carol.console(machine) as opened:
        assert close_code(opened) == OFF


def test_text_is_refused(carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
    with carol.console(machine) as opened:
        opened.send("hello")
        assert close_code(opened) == BAD_MESSAGE


class TestBounds:
    def test_message_above_the_cap(self, carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
        with carol.console(machine) as opened:
            wait_until(lambda: screen.connections)
            opened.send(bytes(65_537))
            assert close_code(opened) == TOO_BIG

    def test_frame_that_announces_a_gibibyte(self, carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
        """Refused by its head; nothing of it is waited for."""
        with carol.console(machine) as opened:
            wait_until(lambda: screen.connections)
            opened.socket.sendall(struct.pack("!BBQ", 0x82, 0xFF, 2**30) + bytes(4))
            assert close_code(opened) == TOO_BIG

    @pytest.mark.parametrize("size", [0, 1, 1000])
    def test_fragments_without_end(self, size: int, carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
        before = carol.server.memory()
        with carol.console(machine) as opened:
            wait_until(lambda: screen.connections)
            first = struct.pack("!BBH", 0x02, 0xFE, size) + bytes(4 + size)
            more = (struct.pack("!BBH", 0x00, 0xFE, size) + bytes(4 + size)) * 64
            opened.socket.sendall(first)
            with pytest.raises(OSError):
                send_again_and_again(opened.socket, more, 200 * MIB // len(more))
        assert carol.server.memory() - before < 8 * MIB

    def test_unmasked_frame(self, carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
        with carol.console(machine) as opened:
            wait_until(lambda: screen.connections)
            opened.socket.sendall(b"\x82\x01x")
            assert close_code(opened) == 1002

    def test_browser_that_stops_reading(self, carol: Browser, machine: Machine) -> None:
        """The guest waits; we hold no more than one read of it. Reading again, every byte is there."""
        total = 400 * MIB
        with ListeningGuest(machine.vnc, flood(total)) as guest:
            with carol.console(machine, max_queue=(2, 1)) as warm_up:
                warm_up.recv(timeout=10)
            before = carol.server.memory()
            with carol.console(machine, max_queue=(2, 1)) as opened:
                wait_until(lambda: len(guest.connections) == 2)
                sent = stalled_at(guest.connections[1])
                assert sent < 64 * MIB
                assert carol.server.memory() - before <= MIB
                got = 0
                while got < total:
                    got += len(opened.recv(timeout=20))
                assert got == total

    def test_guest_that_stops_reading(self, carol: Browser, machine: Machine) -> None:
        def deaf(connection: socket.socket) -> None:
            connection.recv(1)
            wait_until(lambda: done)

        done: list[int] = []
        with ListeningGuest(machine.vnc, deaf), carol.console(machine) as opened:
            before = carol.server.memory()
            opened.socket.settimeout(1)
            frame = struct.pack("!BBH", 0x82, 0xFE, 60_000) + bytes(60_004)
            with pytest.raises(TimeoutError):
                send_again_and_again(opened.socket, frame, 2000)
            assert carol.server.memory() - before <= 2 * MIB
            done.append(1)

    def test_consoles_of_one_person(self, carol: Browser, machine: Machine, screen: ListeningGuest) -> None:
        with many(carol, machine, 8), carol.console(machine) as ninth:
            assert close_code(ninth) == TOO_MANY
        wait_until(lambda: not ConsoleSession.objects.exists())
        with carol.console(machine) as again, pytest.raises(TimeoutError):
            again.recv(timeout=0.5)


@contextmanager
def many(browser: Browser, machine: Machine, count: int) -> Iterator[None]:
    """So many consoles of one machine at once."""
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(browser.console(machine))
        wait_until(lambda: ConsoleSession.objects.count() == count)
        yield


def send_again_and_again(connection: socket.socket, data: bytes, times: int) -> None:
    for _ in range(times):
        connection.sendall(data)


def stalled_at(connection: socket.socket) -> int:
    """Bytes in the kernel for this connection once nothing moves any more."""
    seen: list[int] = []

    def still() -> bool:
        waiting = bytearray(4)
        fcntl.ioctl(connection, termios.TIOCOUTQ, waiting)
        seen.append(int.from_bytes(waiting, "little"))
        return len(seen) > 50 and len(set(seen[-50:])) == 1 and seen[-1] > 0

    wait_until(still, what="the guest to be held back")
    return seen[-1]


class TestRights:
    """Asked again while a console is open."""

    def closes(self, browser: Browser, machine: Machine, change: object) -> int | None:
        assert callable(change)
        with ListeningGuest(machine.vnc, greet), browser.console(machine) as opened:
            assert opened.recv(timeout=10) == GREETING
            change()
            return close_code(opened, seconds=5)  # the promise

    def test_role_taken_away(self, carol: Browser, machine: Machine) -> None:
        assert self.closes(carol, machine, lambda: RoleBinding.objects.filter(user=carol.user).delete()) == DENIED

    def test_signed_out(self, carol: Browser, machine: Machine) -> None:
        assert self.closes(carol, machine, carol.session.delete) == SIGNED_OUT

    def test_deactivated(self, carol: Browser, machine: Machine) -> None:
        def change() -> None:
            carol.user.is_active = False
            carol.user.save()

        assert self.closes(carol, machine, change) == SIGNED_OUT

    def test_password_changed(self, carol: Browser, machine: Machine) -> None:
        def change() -> None:
            carol.user.set_password("another horse")
            carol.user.save()

        assert self.closes(carol, machine, change) == SIGNED_OUT

    def test_browser_that_does_not_read_is_cut_off(self, carol: Browser, machine: Machine) -> None:
        with ListeningGuest(machine.vnc, flood(400 * MIB)) as guest, carol.console(machine, max_queue=(2, 1)):
            wait_until(lambda: guest.connections)
            stalled_at(guest.connections[0])
            RoleBinding.objects.filter(user=carol.user).delete()
            wait_until(lambda: not ConsoleSession.objects.exists(), seconds=8, what="the end")


class TestAudit:
    def entries(self) -> list[AuditEntry]:
        return list(AuditEntry.objects.filter(kind="Console").order_by("id"))

    def test_start_and_end(self, carol: Browser, machine: Machine) -> None:
        with ListeningGuest(machine.vnc, greet), carol.console(machine) as opened:
            opened.recv(timeout=5)
            opened.send(GREETING)
        wait_until(lambda: len(self.entries()) == 2, what="the end in the audit")
        start, end = self.entries()
        assert (start.action, start.phase, end.phase) == ("console.vnc", "started", "ended")
        assert (end.actor_name, end.uid, end.name, end.namespace) == ("carol", str(machine.uid), "web-1", "a")
        assert (end.details["bytes_up"], end.details["bytes_down"]) == (12, 12)
        assert end.details["seconds"] >= 0
        assert start.details["session"] == end.details["session"]
        assert end.session_id
        assert end.source == "127.0.0.1"

    def test_end_after_the_web_process_was_killed(self, people: People, server: Server, machine: Machine) -> None:
        with ListeningGuest(machine.vnc, greet) as guest:
            with Browser(server, people.carol).console(machine) as opened:
                opened.recv(timeout=5)
                server.stop(signal.SIGKILL)
            server.start()
            wait_until(lambda: len(self.entries()) == 2)
            assert self.entries()[1].reason == "The web process ended without a word."
            with Browser(server, people.carol).console(machine) as opened:
                assert opened.recv(timeout=5) == GREETING
            assert len(guest.connections) == 2


def first_of(opened: ClientConnection) -> object:
    """What came first: a message, or the code it was closed with."""
    try:
        return opened.recv(timeout=5)
    except ConnectionClosed:
        return opened.close_code


class TestLedElsewhere:
    """A guest that broke out may replace its socket's name."""

    def test_symbolic_link(self, carol: Browser, machine: Machine) -> None:
        victim = Path(settings.RUN_DIR) / "victim.sock"
        with ListeningGuest(victim) as other:
            machine.vnc.symlink_to(victim)
            with carol.console(machine) as opened:
                assert close_code(opened) == FAILED
            assert not other.connections

    def test_swapped_all_the_time(self, carol: Browser, machine: Machine) -> None:
        """Link and socket take turns while consoles are opened: never one byte to the other socket."""
        victim = Path(settings.RUN_DIR) / "victim.sock"
        spare, link = machine.vnc.with_suffix(".spare"), machine.vnc.with_suffix(".link")
        with ListeningGuest(victim) as other, ListeningGuest(spare, greet):
            stop = threading.Event()

            def swap() -> None:
                while not stop.is_set():
                    link.unlink(missing_ok=True)
                    link.symlink_to(victim)
                    os.rename(link, machine.vnc)
                    link.unlink(missing_ok=True)
                    os.link(spare, link)
                    os.rename(link, machine.vnc)

            swapping = threading.Thread(target=swap)
            swapping.start()
            try:
                for _ in range(40):
                    with carol.console(machine) as opened:
                        assert first_of(opened) in {GREETING, FAILED, OFF}
            finally:
                stop.set()
                swapping.join()
            assert not other.connections

    def test_file_or_pipe(self, carol: Browser, machine: Machine) -> None:
        os.mkfifo(machine.vnc)
        with carol.console(machine) as opened:
            assert close_code(opened) in {OFF, FAILED}

    def test_folder_that_is_a_link(self, carol: Browser, machine: Machine, tmp_path: Path) -> None:
        folder = tmp_path / "console"
        folder.symlink_to(settings.CONSOLE_DIR)
        with ListeningGuest(machine.vnc, greet):
            machine.known(vnc_socket=str(folder / machine.vnc.name))
            with carol.console(machine) as opened:
                assert close_code(opened) == OFF

    def test_another_users_process(self, carol: Browser, machine: Machine) -> None:
        """The name is right, but who listens is neither QEMU nor libvirt."""
        code = "import socket,sys,os,signal; s=socket.socket(fileno=0); os.setuid(65534); s.listen(); signal.pause()"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(machine.vnc))
        process = subprocess.Popen([sys.executable, "-c", code], stdin=listener.fileno())
        try:
            with carol.console(machine) as opened:
                wait_until(lambda: process.poll() is None)
                assert close_code(opened) in {OFF, FAILED}
        finally:
            process.kill()
            process.wait()
            listener.close()


def test_always_the_machine_that_was_asked_for(carol: Browser) -> None:
    """While guests come and go, each console speaks to the one it was opened for."""
    machines = [Machine(uuid4()).known() for _ in range(6)]

    def naming(uid: UUID) -> Callable[[socket.socket], None]:
        def say(connection: socket.socket) -> None:
            connection.sendall(uid.bytes)
            connection.recv(1)

        return say

    guests = [ListeningGuest(machine.vnc, naming(machine.uid)) for machine in machines]
    chance = random.Random(6)
    try:
        for _ in range(60):
            which = chance.randrange(6)
            guests[which].power_off()
            guests[which] = ListeningGuest(machines[which].vnc, naming(machines[which].uid))
            asked = chance.choice(machines)
            with carol.console(asked) as opened:
                assert opened.recv(timeout=5) == asked.uid.bytes
    finally:
        for guest in guests:
            guest.power_off()


def test_no_audit_no_console(carol: Browser, machine: Machine) -> None:
    """The entry cannot be written: not one byte passes."""

    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    with ListeningGuest(machine.vnc, greet):
        rename("observability_auditentry", "gone_for_a_while")
        try:
            with carol.console(machine) as opened:
                assert first_of(opened) == FAILED
        finally:
            rename("gone_for_a_while", "observability_auditentry")
    assert not ConsoleSession.objects.exists()
