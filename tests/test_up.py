"""One command starts everything; the same command again is quick; stopping leaves guests alone."""

from __future__ import annotations

import grp
import os
import pwd
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from pathlib import Path

import host_setup
import pytest
from instance import Instance, Trouble, from_environment
from libvirt_check import last_words

from tests.running import Console

GUEST = """
<domain type="qemu"><name>lab_{name}</name><memory unit="MiB">16</memory><os><type machine="q35">hvm</type></os>
<features><acpi/></features><devices><controller type="usb" model="none"/>
<serial type="unix"><source mode="bind" path="{state}/console/{name}.serial"/>
<log file="{state}/serial/{name}.log" append="on"/></serial></devices></domain>
"""


def virsh(console: Console, *arguments: str, stdin: str = "") -> str:
    uri = f"qemu+unix:///system?socket={console.state}/libvirt/run/libvirt-sock"
    done = subprocess.run(
        ["virsh", "-q", "-c", uri, *arguments], input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_process_runs_under_its_own_user(console: Console) -> None:
    said = console.up("status")
    for name in ("web", "worker", "controller", "libvirt", "redis", "prometheus"):
        assert name in said
    assert "running" in said and "fatal" not in said
    owners = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            owners[line] = pwd.getpwuid(process.stat().st_uid).pw_name
        except OSError:
            continue
    ours = {line: owner for line, owner in owners.items() if str(console.state) in line}
    assert {owner for line, owner in ours.items() if "gateway.serve" in line} == {host_setup.WEB}
    assert {owner for line, owner in ours.items() if "celery" in line or "controller" in line} == {host_setup.WORKER}
    assert {owner for line, owner in ours.items() if "redis" in line or "prometheus" in line} == {host_setup.WORKER}


def test_nothing_below_the_state_is_open_to_others(console: Console) -> None:
    """Folders that others may walk through hold nothing that others may read."""
    open_to_all = []
    for folder, names, files in os.walk(console.state):
        shut = [name for name in names if not Path(folder, name).stat().st_mode & stat.S_IXOTH]
        names[:] = [name for name in names if name not in shut and name not in ("app", "cache")]
        open_to_all += [f"{folder}/{name}" for name in files if Path(folder, name).stat().st_mode & stat.S_IROTH]
    assert open_to_all == []


def test_only_the_console_group_reaches_a_guest_and_only_the_worker_reaches_libvirt(console: Console) -> None:
    virsh(console, "create", "/dev/stdin", stdin=GUEST.format(name="doors", state=console.state))
    sockets = {"guest": f"{console.state}/console/doors.serial", "libvirt": f"{console.state}/libvirt/run/libvirt-sock"}
    try:
        reached = {
            (user, name): may_connect(user, path)
            for user in (host_setup.WEB, host_setup.WORKER, host_setup.QEMU, "nobody")
            for name, path in sockets.items()
        }
    finally:
        virsh(console, "destroy", "lab_doors")
    assert reached == {
        (host_setup.WEB, "guest"): True,
        (host_setup.WEB, "libvirt"): False,
        (host_setup.WORKER, "guest"): True,
        (host_setup.WORKER, "libvirt"): True,
        (host_setup.QEMU, "guest"): True,
        (host_setup.QEMU, "libvirt"): False,
        ("nobody", "guest"): False,
        ("nobody", "libvirt"): False,
    }


def may_connect(user: str, path: str) -> bool:
    known = pwd.getpwnam(user)
    program = f"import socket; socket.socket(socket.AF_UNIX).connect({path!r})"
    tried = subprocess.run(
        ["/usr/bin/python3", "-c", program],
        user=known.pw_uid,
        group=known.pw_gid,
        extra_groups=os.getgrouplist(user, known.pw_gid),
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


def test_stopping_leaves_guests_running_and_starting_again_is_quick(console: Console) -> None:
    virsh(console, "create", "/dev/stdin", stdin=GUEST.format(name="stays", state=console.state))
    pid = (console.state / "libvirt/run/qemu/lab_stays.pid").read_text()
    said = console.up("down")
    assert "1 guests go on running" in said
    assert Path("/proc", pid).exists()
    begun = time.monotonic()
    said = console.up("--detach")
    seconds = time.monotonic() - begun
    assert "password" not in said, "the one-time password is shown once"
    assert virsh(console, "domstate", "lab_stays").strip() == "running"
    virsh(console, "destroy", "lab_stays")
    assert seconds < 20, f"a second start took {seconds:.1f} s"  # 10 s on an idle machine; tests share theirs


def test_status_tells_when_libvirt_does_not_answer(console: Console) -> None:
    """Its supervisor runs all the while: libvirtd is asked itself, and one that hangs is not waited for."""
    daemon = console.daemon()
    os.kill(daemon, signal.SIGSTOP)
    try:
        said = console.up("status", check=False)
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert "libvirt does not answer" in said
    assert "does not answer" not in console.up("status")


def test_the_last_words_of_libvirtd_are_the_cause_not_the_end(tmp_path: Path) -> None:
    log = tmp_path / "libvirtd.log"
    assert last_words(log) == ""
    log.write_text(
        "2026-11-27 17:10:56.148+0000: 8575: warning : networkStateInitialize:658 : DBus not available\n"
        "2026-11-27 17:10:56.155+0000: 8575: error : virGetUserID:760 : invalid argument: no such user\n"
        "2026-11-27 17:10:56.155+0000: 8575: error : virStateInitialize:660 : Initialization of QEMU state driver "
        "failed: no such user\n"
        "2026-11-27 17:10:56.155+0000: 8575: error : daemonRunStateInit:616 : Driver state initialization failed\n"
    )
    assert last_words(log) == "Initialization of QEMU state driver failed: no such user"


def test_the_users_and_groups_that_libvirt_was_compiled_with_are_there(console: Console) -> None:
    """Without them libvirtd or its networks do not start, and only a package that we do not want makes them."""
    for user in (host_setup.COMPILED_IN, host_setup.DNSMASQ):
        assert pwd.getpwnam(user).pw_shell == "/usr/sbin/nologin"
        assert grp.getgrnam(user)
    assert grp.getgrnam(host_setup.KVM)
    ours = console.virsh("capabilities")
    assert "<domain type='qemu'" in ours or '<domain type="qemu"' in ours


def test_up_twice_says_so_and_does_nothing(console: Console) -> None:
    before = console.up("status")
    assert "It runs already." in console.up("--detach")
    pids = [word for word in before.split() if word.rstrip(",").isdigit()]
    assert all(pid in console.up("status") for pid in pids[:3])


def test_the_page_answers_without_a_session_only_with_the_sign_in(console: Console) -> None:
    with urllib.request.urlopen(console.url, timeout=10) as response:
        assert "/sign-in" in response.url


def test_logs_of_an_unknown_process_name_the_known_ones(console: Console) -> None:
    said = console.up("logs", "webb", check=False)
    assert "There is no log of webb" in said and "worker" in said


def test_a_taken_address_is_said_with_the_way_out(console: Console, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        other = Console(
            "",
            Path("/tmp/vmc-none"),
            "",
            settings={
                **console.settings,
                "VMCONSOLE_STATE": "/tmp/vmc-none",
                "VMCONSOLE_LISTEN": f"127.0.0.1:{port}",
            },
        )
        said = other.up("--detach", check=False)
    assert f"Something else listens at 127.0.0.1:{port}" in said
    assert f"VMCONSOLE_LISTEN=127.0.0.1:{port + 1}" in said
    assert not Path("/tmp/vmc-none").exists()


@pytest.mark.parametrize("listen", ["8080", "localhost:", "127.0.0.1:99999", "127.0.0.1:web"])
def test_an_address_that_is_none_is_refused_with_an_example(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    monkeypatch.setenv("VMCONSOLE_LISTEN", listen)
    if listen == "8080":  # a port alone means all addresses
        assert made().host == "0.0.0.0"
        return
    with pytest.raises(Trouble, match=r"127\.0\.0\.1:8080"):
        made()


def test_a_state_path_too_long_for_sockets_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMCONSOLE_STATE", "/var/lib/" + "x" * 60)
    with pytest.raises(Trouble, match="too long"):
        made()


def made() -> Instance:
    return from_environment(Path("/usr/bin/python3"))
