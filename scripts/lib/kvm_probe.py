#!/usr/bin/env python3
"""Decide between KVM and software emulation by starting a guest with each, and write the verdict down.

CPU flags and an openable /dev/kvm prove nothing: there are kernels whose /dev/kvm creates machines gladly and then
runs them 25 times slower than emulation. So the firmware is started twice, as the user that guests run as, with a time
limit that emulation itself sets: whoever gets to "No bootable device" in about the same time is good enough.

The verdict lies in STATE/run/accelerator.json ({"accelerator": "kvm"|"tcg", "why": "…"}); the libvirt driver reads it.
It holds until the machine boots anew or QEMU changes. VMCONSOLE_ACCEL=kvm|tcg overrides it, `auto` is the default.

    kvm_probe.py STATE_DIR      (as root, after host_setup.py)
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from host_setup import QEMU

EMULATOR = "qemu-system-x86_64"
DEVICE = Path("/dev/kvm")
END_OF_FIRMWARE = b"No bootable device"
EMULATION_LIMIT = 60.0
# Real KVM is as fast as emulation here or faster; the bad ones took 25 times as long. In between: a busy machine.
GRACE, FACTOR = 2.0, 2.0


class Verdict(NamedTuple):
    accelerator: str
    why: str


def firmware_seconds(accelerator: str, limit: float) -> tuple[float | None, str]:
    """How long the firmware took to find nothing to boot; None with QEMU's complaint when it did not get there."""
    arguments = [EMULATOR, "-accel", accelerator, "-machine", "q35,graphics=off", "-m", "32", "-nodefaults"]
    arguments += ["-display", "none", "-no-user-config", "-serial", "stdio", "-net", "none"]
    user = pwd.getpwnam(QEMU)
    begun = time.monotonic()
    guest = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=os.getgrouplist(QEMU, user.pw_gid),
        cwd="/",
    )
    assert guest.stdout is not None
    os.set_blocking(guest.stdout.fileno(), False)
    seen = b""
    try:
        while time.monotonic() - begun < limit:
            seen += guest.stdout.read() or b""
            if END_OF_FIRMWARE in seen:
                return time.monotonic() - begun, ""
            if guest.poll() is not None:
                seen += guest.stdout.read() or b""
                return None, seen.decode(errors="replace").strip().splitlines()[0] if seen.strip() else "QEMU ended"
            time.sleep(0.01)
        return None, f"the firmware was not through after {limit:.1f} s"
    finally:
        guest.kill()
        guest.wait()
        guest.stdout.close()


def judge() -> Verdict:
    if not DEVICE.exists():
        return Verdict("tcg", "This machine has no /dev/kvm. Switch on virtualization in its firmware for full speed.")
    emulated, complaint = firmware_seconds("tcg", EMULATION_LIMIT)
    if emulated is None:
        return Verdict("tcg", f"Software emulation is troubled ({complaint}), so KVM was not tried.")
    assisted, complaint = firmware_seconds("kvm", emulated * FACTOR + GRACE)
    if assisted is None:
        return Verdict("tcg", f"/dev/kvm is there, but a guest under KVM failed: {complaint}")
    return Verdict("kvm", f"A guest under KVM started in {assisted:.1f} s, emulated in {emulated:.1f} s.")


def circumstances() -> dict[str, str]:
    """When any of these changes, an old verdict means nothing."""
    version = subprocess.run([EMULATOR, "--version"], check=True, capture_output=True, text=True).stdout
    return {
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "qemu": version.splitlines()[0],
        "device": oct(DEVICE.stat().st_mode) + f" {DEVICE.stat().st_gid}" if DEVICE.exists() else "",
        "asked": os.environ.get("VMCONSOLE_ACCEL", "auto") or "auto",
    }


def verdict(state: Path) -> Verdict:
    """The verdict for this state directory: the known one while it holds, else a new one."""
    file = state / "run" / "accelerator.json"
    now = circumstances()
    try:
        known = json.loads(file.read_text())
        if known["circumstances"] == now:
            return Verdict(known["accelerator"], known["why"])
    except (OSError, ValueError, KeyError):
        pass
    if now["asked"] in ("kvm", "tcg"):
        found = Verdict(now["asked"], f"VMCONSOLE_ACCEL={now['asked']} says so.")
    else:
        found = judge()
    # Made where only root writes and moved into place: nobody can put a link in the way.
    draft = state / "cache" / "accelerator.json"
    draft.write_text(json.dumps({**found._asdict(), "circumstances": now}, indent=1) + "\n")
    draft.chmod(0o644)
    draft.replace(file)
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: kvm_probe.py STATE_DIR")
    print(*verdict(Path(sys.argv[1]).resolve()), sep=": ")
