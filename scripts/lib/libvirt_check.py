"""Does libvirt answer, and if not, what does it say itself?

A daemon that dies at every start is started again for ever, and its supervisor runs all the while: only a question to
libvirt tells whether machines can be run. It is asked by a program of its own, which can be given up when the daemon
takes the question and never answers.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from instance import Instance

PATIENCE = 10.0
LOOK_BACK = 16_384  # bytes of its log: one start with all its complaints


def trouble(instance: Instance) -> str:
    """ "" when it answers; else a sentence, with libvirtd's own last words where it is ours."""
    question = ["virsh", "-q", "-c", instance.libvirt_uri, "uri"]
    try:
        asked = subprocess.run(
            question, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"libvirt does not answer: it took the question and said nothing for {PATIENCE:.0f} s"
    if not asked.returncode:
        return ""
    said = last_words(instance.state / "libvirt/log/libvirtd.log") if instance.libvirt_is_private else ""
    return f"libvirt does not answer: {said or asked.stderr.strip().splitlines()[-1].removeprefix('error: ')}"


def last_words(log: Path) -> str:
    """Why the daemon gave up. The failure of a driver says more than the end that it leads to."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOOK_BACK))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    errors = [line.partition(": error : ")[2] for line in lines if ": error : " in line]
    causes = [error for error in errors if error.startswith("virStateInitialize")] or errors
    return causes[-1].partition(" : ")[2] if causes else ""
