"""Each of the console's processes is killed, and guests too: work ends once, guests live on, states tell the truth."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.running import Console
from tests.visitors import Visitor, disks_of, said, wait_for

OPEN = "select verb, subject_name, message from operations_operation where state = 'open'"


def kill(pid: int) -> None:
    assert pid > 1, "it does not run"
    os.kill(pid, signal.SIGKILL)


def wait_until_quiet(console: Console) -> None:
    """Every operation has ended."""
    wait_for(lambda: not console.rows(OPEN), why=lambda: console.rows(OPEN))


def how_it_ended(console: Console, name: str, verb: str) -> list[tuple[str, str]]:
    """State and message of every such operation on the machine that now has this name, oldest first."""
    asked = """
        select done.state, done.message from operations_operation done
        join inventory_virtualmachine machine on machine.uid = done.subject_uid
        where machine.name = ? and done.verb = ? order by done.created_at
    """
    return [(str(state), str(message)) for state, message in console.rows(asked, name, verb)]


def domains(console: Console) -> list[str]:
    return console.virsh("list", "--all", "--name").split()


@contextmanager
def watched(look: Callable[[], str]) -> Iterator[set[str]]:
    """What is seen all the while, by somebody who looks ten times a second."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.add(look())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_a_killed_guest_is_shown_stopped_with_the_reason(console: Console, editor: Visitor, machine: str) -> None:
    kill(console.guest(f"default_{machine}"))
    editor.wait_for_state(machine, "Stopped")
    assert editor.machine(machine)["reason"] == "Crashed"
    assert "It stopped without being asked." in said(editor.get(f"vms/default/{machine}/"))
    assert console.guests() == []


def test_a_killed_guest_that_was_declared_running_comes_back(console: Console, editor: Visitor, machine: str) -> None:
    assert editor.post(f"vms/default/{machine}/declare", running_state="Running").status_code == 302
    wait_until_quiet(console)
    first = console.guest(f"default_{machine}")
    kill(first)
    second = wait_for(lambda: [pid for pid in console.guests() if pid != first], why="a new QEMU")
    editor.wait_for_state(machine, "Running")
    assert console.guest(f"default_{machine}") == second[0]
    assert len(console.guests()) == 1
    assert "Crashed" in said(editor.get(f"vms/default/{machine}/events"))


def test_guests_do_not_notice_a_killed_libvirtd(console: Console, editor: Visitor, machine: str) -> None:
    guest, daemon = console.guest(f"default_{machine}"), console.daemon()
    with watched(lambda: editor.state(machine)) as seen:
        kill(daemon)
        wait_for(lambda: console.daemon() not in (0, daemon), why="libvirtd to be started again")
        wait_for(lambda: answers(console), why="libvirtd to answer")
        end = time.monotonic() + 10
        # Asking for something proves that the console has found it again: the state alone may be the last one known.
        assert editor.power(machine, "pause").status_code == 302
        editor.wait_for_state(machine, "Paused", seconds=end - time.monotonic())
    assert seen <= {"Running", "Unknown", "Paused"}
    assert editor.power(machine, "resume").status_code == 302
    editor.wait_for_state(machine, "Running")
    assert console.guest(f"default_{machine}") == guest


def answers(console: Console) -> bool:
    try:
        return bool(console.virsh("version"))
    except subprocess.CalledProcessError:
        return False


def test_a_killed_worker_goes_on_with_a_create_and_makes_one_machine(
    console: Console, editor: Visitor, nothing_left: None
) -> None:
    for moment in (0.0, 0.3):  # before anything is made; in the middle of it
        name = f"fault-at-{int(moment * 10)}"
        assert editor.create(name).status_code == 302
        began = time.monotonic()
        wait_for(lambda began=began, moment=moment: time.monotonic() >= began + moment)  # type: ignore[misc]
        kill(console.process("worker"))
        editor.wait_for_state(name, "Running")
        wait_until_quiet(console)
        assert [state for state, _ in how_it_ended(console, name, "create")] == ["done"]
        assert domains(console).count(f"default_{name}") == 1
        assert len(console.rows("select 1 from storage_virtualmachinedisk where name = ?", f"{name}-boot-dv")) == 1
        editor.remove(name)
    wait_for(lambda: console.guests() == [])


def test_a_broker_that_forgot_everything_loses_no_work(console: Console, editor: Visitor, nothing_left: None) -> None:
    names = [f"fault-{number}" for number in range(4)]
    kill(console.process("worker"))  # so that the rings are still in the broker when it dies
    for name in names:
        assert editor.create(name, power="stay").status_code == 302
    kill(console.process("redis"))  # it keeps nothing on disk
    for name in names:
        editor.wait_for_state(name, "Stopped")
    wait_until_quiet(console)
    assert [how_it_ended(console, name, "create")[0][0] for name in names] == ["done"] * 4
    ours = [domain for domain in domains(console) if domain.startswith("default_fault-")]
    assert sorted(ours) == [f"default_{name}" for name in names]


@pytest.mark.parametrize("process", ["controller", "web"])
def test_a_killed_process_is_back_and_nothing_is_lost(
    process: str, console: Console, editor: Visitor, machine: str
) -> None:
    guest, killed = console.guest(f"default_{machine}"), console.process(process)
    kill(killed)
    wait_for(lambda: console.process(process) not in (0, killed), why=f"{process} to be started again")
    wait_for(lambda: is_well(editor), why="the console to answer")
    assert editor.state(machine) == "Running"
    console.virsh("suspend", f"default_{machine}")
    editor.wait_for_state(machine, "Paused")  # hints of what happens outside are heard again
    assert console.guest(f"default_{machine}") == guest


def is_well(visitor: Visitor) -> bool:
    try:
        return visitor.get("healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_of_two_starts_at_once_one_wins(console: Console, admin: Visitor, editor: Visitor, nothing_left: None) -> None:
    assert editor.create("fault-one", power="stay").status_code == 302
    editor.wait_for_state("fault-one", "Stopped")
    wait_until_quiet(console)
    last = max(entry["id"] for entry in admin.audit(object="fault-one", limit="500"))
    statuses: list[int] = []
    gate = threading.Barrier(4)

    def start(person: Visitor) -> None:
        gate.wait()
        statuses.append(person.power("fault-one", "start").status_code)

    threads = [threading.Thread(target=start, args=(person,)) for person in (admin, editor, admin, editor)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, 409, 409, 409]
    editor.wait_for_state("fault-one", "Running")
    wait_until_quiet(console)
    assert [state for state, _ in how_it_ended(console, "fault-one", "start")] == ["done"]
    assert len(console.guests()) == 1
    refused = [entry for entry in admin.audit(object="fault-one", phase="refused", limit="500") if entry["id"] > last]
    assert [entry["action"] for entry in refused] == ["start"] * 3


def test_a_killed_worker_goes_on_with_throwing_away_and_bringing_back(
    console: Console, editor: Visitor, machine: str
) -> None:
    assert editor.post(f"vms/default/{machine}/declare", running_state="Running").status_code == 302
    wait_until_quiet(console)
    kill(console.process("worker"))
    thrown = editor.post(f"vms/default/{machine}/delete", typed=machine, disks=disks_of(editor, machine))
    assert thrown.status_code == 302, said(thrown)
    wait_until_quiet(console)
    assert (console.guests(), editor.machine(machine), domains(console).count(f"default_{machine}")) == ([], {}, 1)
    uid = editor.trash()[machine]
    kill(console.process("worker"))
    assert editor.post(f"trash/{uid}/restore").status_code == 302
    wait_until_quiet(console)
    assert (editor.state(machine), machine in editor.trash(), console.guests()) == ("Stopped", False, [])
    assert how_it_ended(console, machine, "trash")[0][0] == how_it_ended(console, machine, "restore")[0][0] == "done"
    assert editor.power(machine, "start").status_code == 302  # with its disk, as it was
    editor.wait_for_state(machine, "Running")


def test_after_a_restart_of_the_host_what_was_declared_running_runs(
    console: Console, editor: Visitor, nothing_left: None
) -> None:
    for name in ("fault-declared", "fault-loose", "fault-thrown"):
        assert editor.create(name).status_code == 302
        editor.wait_for_state(name, "Running")
    wait_until_quiet(console)
    for name in ("fault-declared", "fault-thrown"):
        editor.post(f"vms/default/{name}/declare", running_state="Running")
    wait_until_quiet(console)
    editor.post("vms/default/fault-thrown/delete", typed="fault-thrown", disks=disks_of(editor, "fault-thrown"))
    wait_until_quiet(console)
    before = console.guests()
    console.up("down")
    for guest in before:
        kill(guest)
    wait_for(lambda: console.guests() == [])
    console.up("--detach")
    editor.wait_for_state("fault-loose", "Stopped")  # until it was looked at, both are shown as they were
    wait_for(lambda: console.guest("default_fault-declared"), why="the declared machine's QEMU")
    editor.wait_for_state("fault-declared", "Running")
    wait_until_quiet(console)
    assert console.guests() == [console.guest("default_fault-declared")]  # what is in the trash stays off
    assert "fault-thrown" in editor.trash()
