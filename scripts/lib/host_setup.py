#!/usr/bin/env python3
"""Make the system users, groups and folders of one state directory; run again, it changes nothing.

Four duties, four identities, so that a hole in one of them is not a hole in all:

* `vmconsole` (worker, controller, Redis, Prometheus) is the only one that may talk to libvirt;
* `vmconsole-web` (pages, console pipes) reaches guests only through the sockets below `console/`;
* `vmconsole-qemu` (every guest) sees disks, seeds and its own sockets, and neither the database nor libvirt;
* root owns the keys' folder and runs libvirtd, nothing else.

Folders carry the set-group-id bit, so a file belongs to the group of its folder whoever made it, and every process
runs with umask 007: what the group may not do, others may not do either. The state directory itself can be walked
through (0711), not listed.

    python3 scripts/lib/host_setup.py STATE_DIR

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from pathlib import Path

WORKER, WEB, QEMU = "vmconsole", "vmconsole-web", "vmconsole-qemu"
CONSOLE, LIBVIRT = "vmconsole-console", "vmconsole-libvirt"
GROUPS = (WORKER, WEB, QEMU, CONSOLE, LIBVIRT)
MEMBERS = {  # beyond the primary group of the same name
    WORKER: (QEMU, CONSOLE, LIBVIRT),
    WEB: (WORKER, CONSOLE),
    QEMU: (CONSOLE,),
}
# libvirtd looks up the user and the group that the distribution compiled in before it reads which ones to use instead,
# and does not start without them. The package that makes them (libvirt-daemon-system) brings the host's own libvirtd
# along, so they are made here, the user with the number Debian keeps for it. No guest of ours runs as it.
COMPILED_IN, COMPILED_IN_ID = "libvirt-qemu", 64055
# Ubuntu's compiled-in group; Debian's is named like the user. udev makes it, which containers do not have.
KVM = "kvm"
# As whom Ubuntu's libvirt has dnsmasq run; without it no network starts.
DNSMASQ = "libvirt-dnsmasq"
NO_LOGIN = ("--no-create-home", "--shell", "/usr/sbin/nologin")
# path below the state directory: owner, group, mode
FOLDERS = {
    ".": ("root", "root", 0o711),
    "etc": ("root", WORKER, 0o750),
    "db": (WORKER, WORKER, 0o2770),
    "run": (WORKER, WORKER, 0o2770),
    "uploads": (WORKER, WORKER, 0o2770),
    "jobs": (WORKER, WORKER, 0o2770),
    "fake": (WORKER, WORKER, 0o2770),  # machines that are only pretended (VMCONSOLE_RUNTIME=fake)
    # Root opens the logs in it, so nobody else may put a link there.
    "log": ("root", WORKER, 0o2750),
    "audit": (WORKER, WORKER, 0o2750),
    "redis": (WORKER, WORKER, 0o2770),
    "prometheus": (WORKER, WORKER, 0o2770),
    "cache": ("root", "root", 0o755),
    "app": ("root", "root", 0o755),  # where the processes see the checkout
    "supervisor": ("root", "root", 0o700),
    "disks": (WORKER, QEMU, 0o2770),
    "images": (WORKER, QEMU, 0o2770),
    "seeds": (WORKER, QEMU, 0o2770),
    # Made and removed by QEMU, read by the web process: it may connect, it may not put a socket of its own there.
    "console": (QEMU, CONSOLE, 0o2750),
    # Written by virtlogd (root), removed by the controller.
    "serial": (WORKER, CONSOLE, 0o2750),
    "libvirt": ("root", LIBVIRT, 0o710),
    "libvirt/etc": ("root", "root", 0o711),
    "libvirt/lib": ("root", "root", 0o711),
    "libvirt/run": ("root", "root", 0o711),
    "libvirt/log": ("root", "root", 0o711),
    "libvirt/cache": ("root", "root", 0o711),
}


def is_root() -> bool:
    return os.geteuid() == 0


def make_groups() -> None:
    have = {group.gr_name for group in grp.getgrall()}
    for name in (*GROUPS, KVM, DNSMASQ):
        if name not in have:
            subprocess.run(["groupadd", "--system", name], check=True)


def make_users() -> None:
    have = {user.pw_name for user in pwd.getpwall()}
    for name in MEMBERS:
        if name not in have:
            subprocess.run(["useradd", "--system", "--gid", name, *NO_LOGIN, name], check=True)


def make_compiled_in_users() -> None:
    """The same as libvirt-daemon-system makes them, which leaves alone what it finds."""
    groups = {group.gr_name: group.gr_gid for group in grp.getgrall()}
    users = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    if COMPILED_IN not in groups:
        number = [] if COMPILED_IN_ID in groups.values() else ["--gid", str(COMPILED_IN_ID)]
        subprocess.run(["groupadd", "--system", *number, COMPILED_IN], check=True)
    if COMPILED_IN not in users:
        free = COMPILED_IN_ID not in users.values()
        number = ["--key", f"SYS_UID_MAX={COMPILED_IN_ID}", "--uid", str(COMPILED_IN_ID)] if free else []
        account = ["--gid", KVM, "--groups", COMPILED_IN, "--home-dir", "/var/lib/libvirt", *NO_LOGIN]
        subprocess.run(["useradd", "--system", *number, *account, COMPILED_IN], check=True)
    if DNSMASQ not in users:
        account = ["--gid", DNSMASQ, "--home-dir", "/var/lib/libvirt/dnsmasq", *NO_LOGIN]
        subprocess.run(["useradd", "--system", *account, DNSMASQ], check=True)


def join_groups() -> None:
    for user, groups in MEMBERS.items():
        for name in (*groups, *((KVM,) if user == QEMU else ())):
            if user not in grp.getgrnam(name).gr_mem:
                subprocess.run(["usermod", "--append", "--groups", name, user], check=True)


def make_folders(state: Path) -> None:
    for name, (owner, group, mode) in FOLDERS.items():
        folder = state / name
        folder.mkdir(parents=True, exist_ok=True)
        uid, gid = pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid
        seen = folder.stat()
        if (seen.st_uid, seen.st_gid) != (uid, gid):
            os.chown(folder, uid, gid)
        if folder.stat().st_mode & 0o7777 != mode:  # after chown, which clears the set-group-id bit
            folder.chmod(mode)


def prepare(state: Path) -> None:
    """Everything the processes of one state directory expect of the host."""
    make_groups()
    make_users()
    make_compiled_in_users()
    join_groups()
    make_folders(state)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not is_root():
        sys.exit("usage (as root): host_setup.py STATE_DIR")
    prepare(Path(sys.argv[1]).resolve())
