"""What happens when the host's processes die or hang, with the real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.contract.conftest import Bench
from tests.contract.test_machines import look, settle
from tests.hosts import LibvirtState, wait_until
from vmconsole.runtime.errors import Busy, RuntimeFault, Unreachable
from vmconsole.runtime.libvirt.connection import Connection, open_connection
from vmconsole.runtime.types import MachineSpec, Power

pytestmark = pytest.mark.libvirt


def start(bench: Bench) -> MachineSpec:
    spec = bench.machine()
    bench.runtime.machines.set_power(spec.uid, Power.ON)
    settle(bench.runtime, spec.uid, Power.ON)
    return spec


def qemu(state: LibvirtState, spec: MachineSpec) -> int:
    return state.machine(f"{spec.namespace}_{spec.name}")


@pytest.fixture
def told(bench: Bench) -> deque[UUID | None]:
    seen: deque[UUID | None] = deque(maxlen=1000)
    probe = bench.machine()
    bench.runtime.watch(seen.append)

    def listening() -> bool:
        bench.runtime.machines.set_power(probe.uid, Power.ON)
        bench.runtime.machines.set_power(probe.uid, Power.OFF, force=True)
        return probe.uid in seen

    wait_until(listening, seconds=20, what="the watch to listen")
    return seen


def test_a_killed_qemu_is_seen_at_once(bench: Bench, told: deque[UUID | None], libvirt_state: LibvirtState) -> None:
    spec = start(bench)
    told.clear()
    os.kill(qemu(libvirt_state, spec), signal.SIGKILL)
    wait_until(lambda: spec.uid in told, seconds=3, what="the death to be told")
    wait_until(lambda: look(bench.runtime, spec.uid).power is Power.OFF, seconds=3, what="the death to be seen")
    assert look(bench.runtime, spec.uid).stop_reason in ("crashed", "failed")


def test_a_killed_libvirtd_is_not_noticed_by_guests_nor_by_the_next_call(
    bench: Bench, told: deque[UUID | None], libvirt_state: LibvirtState
) -> None:
    spec = start(bench)
    before, process = look(bench.runtime, spec.uid), qemu(libvirt_state, spec)
    told.clear()
    os.kill(libvirt_state.daemon(), signal.SIGKILL)
    assert bench.runtime.machines.get(spec.uid) == before
    assert qemu(libvirt_state, spec) == process
    wait_until(lambda: None in told, seconds=10, what="the watch to say: look at everything")
    told.clear()
    bench.runtime.machines.set_power(spec.uid, Power.PAUSED)
    wait_until(lambda: spec.uid in told, seconds=5, what="events to flow again")
    assert bench.runtime.metrics.sample([spec.uid])


def test_a_machine_that_died_during_the_outage_is_seen_as_crashed(bench: Bench, libvirt_state: LibvirtState) -> None:
    spec = start(bench)
    daemon = libvirt_state.daemon()
    os.kill(daemon, signal.SIGSTOP)
    os.kill(qemu(libvirt_state, spec), signal.SIGKILL)
    os.kill(daemon, signal.SIGKILL)
    assert settle(bench.runtime, spec.uid, Power.OFF).stop_reason in ("crashed", "failed")


@pytest.fixture
def detour(libvirt_state: LibvirtState, tmp_path: Path) -> Iterator[tuple[Connection, Path]]:
    """A connection by a way that can be closed."""
    way = tmp_path / "way"
    connection = open_connection(f"qemu+unix:///system?socket={way}", libvirt_state.state)
    yield connection, way
    connection.close()


def test_during_an_outage_calls_fail_fast_and_say_so(
    detour: tuple[Connection, Path], libvirt_state: LibvirtState
) -> None:
    connection, way = detour
    assert not connection.alive()
    for _call in range(3):
        begun = time.monotonic()
        with pytest.raises(Unreachable) as fault:
            connection.machines.list()
        assert time.monotonic() - begun < 3
        assert "/" not in fault.value.public
        assert fault.value.retry_in
    way.symlink_to(libvirt_state.state / "libvirt/run/libvirt-sock")
    assert connection.alive()
    connection.machines.list()


@pytest.fixture
def hung(bench: Bench, libvirt_state: LibvirtState) -> Iterator[MachineSpec]:
    spec = start(bench)
    process = qemu(libvirt_state, spec)
    os.kill(process, signal.SIGSTOP)
    yield spec
    try:
        os.kill(process, signal.SIGCONT)
    except ProcessLookupError:
        return


def test_a_hung_qemu_holds_nobody_else_up(bench: Bench, hung: MachineSpec) -> None:
    well = start(bench)
    for limit in (8.0, 3.0, 3.0):  # the first pass has to find out
        begun = time.monotonic()
        sampled = {sample.uid for sample in bench.runtime.metrics.sample()}
        listed = {machine.uid for machine in bench.runtime.machines.list()}
        assert time.monotonic() - begun < limit
        assert well.uid in sampled
        assert {well.uid, hung.uid} <= listed


def test_a_hung_qemu_does_not_hold_the_caller(bench: Bench, hung: MachineSpec) -> None:
    begun = time.monotonic()
    with pytest.raises(Busy):
        bench.runtime.machines.set_power(hung.uid, Power.PAUSED)
    assert time.monotonic() - begun < 20
    assert look(bench.runtime, hung.uid).power is Power.ON
    with pytest.raises(RuntimeFault):
        bench.runtime.machines.screenshot(hung.uid)


FORKED = """
import os, sys
from pathlib import Path
from vmconsole.runtime.errors import Unreachable
from vmconsole.runtime.libvirt.connection import open_connection
connection = open_connection(sys.argv[1], Path(sys.argv[2]))
if sys.argv[3] == "opened":
    connection.machines.list()
child = os.fork()
if child == 0:
    try:
        connection.machines.list()
    except Unreachable as fault:
        os._exit(7 if fault.reason == "Forked" else 1)
    os._exit(0)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
connection.machines.list()
sys.exit(code)
"""


@pytest.mark.parametrize(("when", "code"), [("unopened", 0), ("opened", 7)])
def test_a_connection_crosses_a_fork_unopened_and_never_opened(
    libvirt_state: LibvirtState, when: str, code: int
) -> None:
    """A worker pool forks before its first call; whoever forks later is told so, and does not hang."""
    child = subprocess.run(
        [sys.executable, "-c", FORKED, libvirt_state.uri, str(libvirt_state.state), when], timeout=30, check=False
    )
    assert child.returncode == code
