"""The configuration of the private libvirtd: what it writes, and why each line stands there.

`security_driver = "none"` leaves the DAC driver on, which runs every guest as vmconsole-qemu. `dynamic_ownership` is
off because files get their owner from their folder (see host_setup.py); libvirt would hand disks to root on stop.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from host_setup import LIBVIRT, QEMU

LIBVIRTD = """\
unix_sock_group = "{group}"
unix_sock_ro_perms = "0770"
unix_sock_rw_perms = "0770"
auth_unix_ro = "none"
auth_unix_rw = "none"
host_uuid = "{host_uuid}"
log_level = 3
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
max_client_requests = 20
"""

QEMU_CONF = """\
user = "{user}"
group = "{user}"
swtpm_user = "{user}"
swtpm_group = "{user}"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
seccomp_sandbox = 1
namespaces = []
max_core = 0
stdio_handler = "logd"
vnc_listen = "127.0.0.1"
"""

# 2 MiB + three old ones of each guest: some 100,000 lines, and an endless writer cannot fill the disk.
VIRTLOGD = """\
log_level = 3
log_outputs = "3:file:/var/log/libvirt/virtlogd.log"
max_size = 2097152
max_backups = 3
"""


def host_uuid(etc: Path) -> str:
    """Made once: machines without DMI have none, cloned ones share theirs, and migration refuses equal ones."""
    file = etc / "host_uuid"
    if not file.exists():
        file.write_text(f"{uuid.uuid4()}\n")
    return file.read_text().strip()


def write(etc: Path) -> None:
    texts = {
        "libvirtd.conf": LIBVIRTD.format(group=LIBVIRT, host_uuid=host_uuid(etc)),
        "qemu.conf": QEMU_CONF.format(user=QEMU),
        "virtlogd.conf": VIRTLOGD,
    }
    for name, text in texts.items():
        (etc / name).write_text(text)
