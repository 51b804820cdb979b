#!/usr/bin/env python3
"""Supervise a private, privileged libvirtd and virtlogd whose every file lives below one state directory.

    private_libvirt.py STATE_DIR [--netns NAME]      (as root; SIGTERM stops the daemons, never the guests)

Clients connect to `qemu+unix:///system?socket=STATE_DIR/libvirt/run/libvirt-sock` (group vmconsole-libvirt).

Why a supervisor of our own, and not the host's libvirt or systemd:

* libvirt's folders are compiled in. In a mount namespace of our own they are STATE_DIR/libvirt/{etc,lib,run,log,cache},
  so we never touch machines or networks of the host, and several consoles live side by side.
* QEMU is started as a daemon, so its parent becomes whoever adopts orphans. That is us (child subreaper): a dead guest
  is reaped at once, where some init processes let every `destroy` wait two seconds.
* It works without systemd, D-Bus and polkit.

What stays true whoever dies:

* libvirtd (killed, crashed, upgraded): back in 0.3 s, finds its guests again. It dies with us, or a second one could
  not start.
* virtlogd holds the reading end of every guest's serial log. So it is never stopped while a guest runs (not by our
  stop either: the next start takes the running one over), and the out-of-memory killer spares it. When it is lost all
  the same, we go on recording those guests ourselves, with a note of the gap in their logs (`serial_logs.py`).
* us: guests and virtlogd go on, the next start takes them over.

Guests run as vmconsole-qemu with QEMU's seccomp sandbox; see libvirt_config.py and host_setup.py.
Standard library only: it runs on the system's python3.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import host_setup
import libvirt_config
import linux
from console_sockets import ConsoleSockets
from serial_logs import SerialLogs

PLACES = {
    "etc": "/etc/libvirt",
    "lib": "/var/lib/libvirt",
    "run": "/run/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
}
FIRST_DELAY, LONGEST_DELAY = 0.1, 30.0  # seconds between two starts of a daemon that keeps dying
SETTLED = 60.0  # after so many seconds a daemon counts as well again
STOP_PATIENCE = 10.0
LARGEST_LOG = 10_000_000


def say(text: str) -> None:
    print(f"private-libvirt: {text}", file=sys.stderr, flush=True)


def is_alive(pid: int, name: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return f"({name})" in stat and stat.rpartition(")")[2].split()[0] != "Z"


@dataclass
class Daemon:
    """One of the two, with its back-off. `pid` 0: not running."""

    name: str
    log: Path
    pid_file: Path
    dies_with_us: bool
    pid: int = 0
    delay: float = FIRST_DELAY
    started: float = 0.0
    due: float = 0.0

    def left_over(self) -> int:
        """The pid of one that an earlier supervisor of this very state directory left running, or 0.

        Its own view of /run/libvirt must be this pid file: a number in a file may belong to somebody else by now.
        """
        try:
            pid = int(self.pid_file.read_text())
            same = os.path.samestat(os.stat(f"/proc/{pid}/root/run/libvirt/{self.name}.pid"), self.pid_file.stat())
        except (OSError, ValueError):
            return 0
        return pid if same and is_alive(pid, self.name) else 0

    def start(self) -> None:
        own_log = self.log.with_suffix(".log")
        if own_log.exists() and own_log.stat().st_size > LARGEST_LOG:  # they never rotate it themselves
            own_log.replace(own_log.with_suffix(".log.1"))
        with self.log.open("ab") as out:
            child = subprocess.Popen(
                [self.name, "-f", f"/etc/libvirt/{self.name}.conf", "-p", f"/run/libvirt/{self.name}.pid"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                umask=0o022,
                preexec_fn=partial(linux.die_with_parent, signal.SIGTERM) if self.dies_with_us else None,
            )
        child.returncode = 0  # reaped by the loop, together with the guests; Popen must not warn or wait
        self.pid, self.started = child.pid, time.monotonic()
        if not self.dies_with_us:
            with suppress(OSError):  # a container without CAP_SYS_RESOURCE
                Path(f"/proc/{self.pid}/oom_score_adj").write_text("-900")

    def died(self) -> None:
        self.pid = 0
        if time.monotonic() - self.started > SETTLED:
            self.delay = FIRST_DELAY
        say(f"{self.name} is gone; starting it again in {self.delay:.1f} s")
        self.due = time.monotonic() + self.delay
        self.delay = min(self.delay * 2, LONGEST_DELAY)

    def stop(self) -> None:
        if self.pid and is_alive(self.pid, self.name):
            os.kill(self.pid, signal.SIGTERM)
            end = time.monotonic() + STOP_PATIENCE
            while is_alive(self.pid, self.name) and time.monotonic() < end:
                reap()
                time.sleep(0.02)
        self.pid = 0


def reap() -> set[int]:
    """Collect every dead child, guests included."""
    gone: set[int] = set()
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return gone
        if pid == 0:
            return gone
        gone.add(pid)


def running_guests(run: Path) -> list[int]:
    """The process ids of guests. libvirt keeps one pid file for each, and one for its driver among them."""
    found = []
    for file in run.glob("qemu/*.pid"):
        with suppress(OSError, ValueError):
            pid = int(file.read_text())
            if file.name != "driver.pid" and is_alive(pid, "qemu-system-x86"):
                found.append(pid)
    return found


def hide_kvm(state: Path, device: Path = Path("/dev/kvm")) -> None:
    """Without a verdict for KVM libvirt shall not see the device at all.

    libvirt probes QEMU with rights that guests do not have. Where they may not open /dev/kvm, it finds KVM in each
    probe, finds it unusable in each check, and so probes again before every single call: seconds each.
    """
    try:
        verdict = json.loads((state / "run/accelerator.json").read_text())["accelerator"]
    except (OSError, ValueError, KeyError):
        verdict = "tcg"
    if verdict == "kvm" or not device.exists():
        return
    nothing = state / "libvirt/no-kvm"
    nothing.touch(mode=0o600)
    linux.bind(nothing, device)


def isolate(base: Path, netns: str | None) -> None:
    """Own mounts, and own interfaces when asked for."""
    if netns:
        linux.enter_network(netns)
    linux.own_mounts()
    for name, target in PLACES.items():
        Path(target).mkdir(parents=True, exist_ok=True)
        linux.bind(base / name, Path(target))
    hide_kvm(base.parent)
    if netns:  # sysfs shows the interfaces of the namespace it was mounted in; the control groups stay the host's
        cgroups = base / "cgroups"
        cgroups.mkdir(exist_ok=True)
        linux.bind(Path("/sys/fs/cgroup"), cgroups, recursive=True)
        linux.mount_sysfs()
        linux.bind(cgroups, Path("/sys/fs/cgroup"), recursive=True)
    linux.adopt_orphans()


class Supervisor:
    def __init__(self, state: Path) -> None:
        base = state / "libvirt"
        self.run = base / "run"
        self.virtlogd = Daemon("virtlogd", base / "log/virtlogd.out", self.run / "virtlogd.pid", dies_with_us=False)
        self.libvirtd = Daemon("libvirtd", base / "log/libvirtd.out", self.run / "libvirtd.pid", dies_with_us=True)
        self.serial_logs = SerialLogs(state / "serial")
        self.console_sockets = ConsoleSockets(state / "console")
        self.stopping = False
        self.wake, wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask_to_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def take_over(self) -> None:
        old = Daemon("libvirtd", self.libvirtd.log, self.libvirtd.pid_file, dies_with_us=True)
        old.pid = old.left_over()
        old.stop()
        self.virtlogd.pid = self.virtlogd.left_over()

    def look(self) -> float:
        """Start what is due; the seconds until the next look."""
        gone = reap()
        for daemon in (self.virtlogd, self.libvirtd):
            if daemon.pid and (daemon.pid in gone or not is_alive(daemon.pid, daemon.name)):
                daemon.died()
                if daemon is self.virtlogd:
                    self.serial_logs.adopt(running_guests(self.run), virtlogd=0)
            if not daemon.pid and daemon.due <= time.monotonic():
                daemon.start()
        if gone:
            self.console_sockets.guest_died()
        self.console_sockets.sweep()
        waiting = [daemon.due - time.monotonic() for daemon in (self.virtlogd, self.libvirtd) if not daemon.pid]
        return max(0.0, min([2.0, *waiting]))

    def loop(self) -> None:
        self.take_over()
        self.serial_logs.adopt(running_guests(self.run), self.virtlogd.pid)
        self.serial_logs.poll.register(self.wake, select.POLLIN)
        while not self.stopping:
            seconds = self.look()
            for fd in self.serial_logs.wait(seconds):
                if fd == self.wake:
                    os.read(self.wake, 4096)
                else:
                    self.serial_logs.handle(fd)
        self.libvirtd.stop()
        if running_guests(self.run):
            say("guests go on running, and virtlogd with them")
        else:
            self.virtlogd.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Supervise a private libvirtd and virtlogd.")
    parser.add_argument("state", type=lambda text: Path(text).resolve())
    parser.add_argument("--netns", help="the network namespace its networks live in")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("private_libvirt.py must run as root: it starts a privileged libvirtd.")
    os.umask(0o022)  # of mount points and configuration; guests get their own
    host_setup.prepare(options.state)
    base = options.state / "libvirt"
    libvirt_config.write(base / "etc")
    lock = (base / "run/supervisor.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"Another supervisor is running on {options.state}.")
    isolate(base, options.netns)
    Supervisor(options.state).loop()


if __name__ == "__main__":
    main()
