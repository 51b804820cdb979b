"""The private libvirtd: guests outlive everybody, serial logs go on, and only who should can read and connect."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import libvirt
import pytest
from log_times import PAUSE, records_of
from private_libvirt import is_alive

from tests.hosts import LibvirtState, kill_leftovers, start_libvirt, wait_until

UID = "0b5f4a2e-7c1d-4f7e-9a53-1d2c3b4a5968"
# Boots a sector that writes "x" to the serial port for ever: the cheapest guest that has something to say.
SHOUTER = (bytes.fromhex("baf803b078eeebfd").ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")
GUEST = """
<domain type="qemu"><name>lab_shouter</name><uuid>{uid}</uuid><memory unit="MiB">16</memory>
<os><type machine="q35">hvm</type></os><features><acpi/></features><devices><controller type="usb" model="none"/>
<disk type="file" device="disk"><driver name="qemu" type="raw"/><source file="{state}/disks/shouter.img"/>
<target dev="vda" bus="virtio"/></disk>
<serial type="unix"><source mode="bind" path="{state}/console/{uid}.serial"/>
<log file="{state}/serial/{uid}.log" append="on"/></serial></devices></domain>
"""


class Host(LibvirtState):
    """A libvirtd of this module's own, because its tests kill everything in turn."""

    def log(self) -> Path:
        return self.state / f"serial/{UID}.log"

    def written(self) -> int:
        return sum(file.stat().st_size for file in self.logs())

    def logs(self) -> list[Path]:
        return [file for file in self.state.glob(f"serial/{UID}.log*") if file.suffix != ".times"]

    def connect(self) -> libvirt.virConnect:
        opened: list[libvirt.virConnect] = []

        def tried() -> bool:
            with suppress(libvirt.libvirtError):
                opened.append(libvirt.open(self.uri))
            return bool(opened)

        wait_until(tried, seconds=10, what="libvirtd")
        return opened[0]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    state = Path(tempfile.mkdtemp(prefix="vmc-", dir="/tmp"))
    netns = state.name
    subprocess.run(["ip", "netns", "add", netns], check=True)
    supervisor = start_libvirt(state, netns)
    made = Host(state, f"qemu+unix:///system?socket={state}/libvirt/run/libvirt-sock", netns, supervisor.pid)
    disk = state / "disks/shouter.img"
    disk.write_bytes(SHOUTER)
    shutil.chown(disk, "vmconsole", "vmconsole-qemu")
    disk.chmod(0o660)
    try:
        made.connect().defineXMLFlags(GUEST.format(uid=UID, state=state), 0).create()
        wait_until(lambda: made.written() > 0, what="the guest's first words")
        yield made
    finally:
        kill_leftovers(state)
        for pid in filter(None, (made.daemon("virtlogd"), made.daemon())):  # those of the last test's supervisor
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)
        supervisor.kill()
        supervisor.wait()
        subprocess.run(["ip", "netns", "delete", netns], check=True)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def pid(host: Host) -> Iterator[int]:
    """The guest's process; it must be the same one afterwards."""
    found = host.machine("lab_shouter")
    yield found
    assert host.machine("lab_shouter") == found
    assert Path(f"/proc/{found}").exists()


def grows(host: Host) -> bool:
    before = host.written()
    with suppress(AssertionError):
        wait_until(lambda: host.written() > before, seconds=5)
        return True
    return False


def test_the_console_group_may_read_logs_and_nobody_else(host: Host, pid: int) -> None:
    wait_until(lambda: host.log().stat().st_mode & 0o777 == 0o640, seconds=2)
    assert host.log().group() == "vmconsole-console"


def test_rotated_logs_stay_readable_and_bounded(host: Host, pid: int) -> None:
    wait_until(lambda: Path(f"{host.log()}.0").exists(), what="the first rotation")
    wait_until(lambda: host.log().exists() and host.log().stat().st_mode & 0o777 == 0o640, seconds=2)
    for file in host.state.glob("serial/*"):
        assert file.stat().st_size <= 3 * 1024 * 1024
        assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_when_the_log_grew_is_written_down_and_a_flood_costs_no_more(host: Host, pid: int) -> None:
    index = host.log().with_name(f"{UID}.log.times")
    seen = len(records_of(index))
    wait_until(lambda: len(grown := records_of(index)[seen:]) > 8 and grown[-1][0] > 0, what="some looks at the log")
    grown = [at / 1000 for at, _, length in records_of(index)[seen:] if length]
    assert len(grown) - 1 <= (grown[-1] - grown[0]) / PAUSE
    assert abs(grown[-1] - time.time()) < 10
    assert index.group() == "vmconsole-console"


def test_libvirtd_killed_comes_back_and_knows_its_guests(host: Host, pid: int) -> None:
    begun = time.monotonic()
    killed = host.daemon()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: host.daemon() not in (0, killed), seconds=10, what="a new libvirtd")
    assert [domain.name() for domain in host.connect().listAllDomains()] == ["lab_shouter"]
    assert time.monotonic() - begun < 10


def test_virtlogd_killed_is_replaced_and_running_guests_are_still_recorded(host: Host, pid: int) -> None:
    killed = host.daemon("virtlogd")
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: host.daemon("virtlogd") not in (0, killed), seconds=10, what="a new virtlogd")
    wait_until(lambda: b"recording was interrupted" in all_logs(host), seconds=5, what="the note of the gap")
    assert grows(host)


def all_logs(host: Host) -> bytes:
    return b"".join(file.read_bytes() for file in host.logs())


def test_the_supervisor_killed_is_followed_by_one_that_takes_over(host: Host, pid: int) -> None:
    """virtlogd was lost in the test before, so the new one must find the guest's pipe again, too."""
    os.kill(host.supervisor, signal.SIGKILL)
    os.waitpid(host.supervisor, 0)
    again = start_libvirt(host.state, host.netns)
    try:
        assert [domain.name() for domain in host.connect().listAllDomains()] == ["lab_shouter"]
        assert grows(host)
    finally:
        again.terminate()
        again.wait(30)


def test_stopping_the_supervisor_stops_libvirtd_and_spares_virtlogd_while_a_guest_runs(host: Host, pid: int) -> None:
    supervisor = start_libvirt(host.state, host.netns)
    host.connect()
    libvirtd, virtlogd = host.daemon(), host.daemon("virtlogd")
    supervisor.terminate()
    supervisor.wait(30)
    assert not is_alive(libvirtd, "libvirtd")
    assert is_alive(virtlogd, "virtlogd")


def test_a_guest_runs_unprivileged_and_caged(host: Host) -> None:
    status = Path(f"/proc/{host.machine('lab_shouter')}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert set(fields["Uid"].split()) != {"0"}
    assert int(fields["CapEff"], 16) == 0
    assert fields["Seccomp"].strip() == "2"
