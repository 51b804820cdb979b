"""Take away the sockets that killed guests left behind: QEMU removes its own only when it ends in peace.

Nobody else can: the folder belongs to QEMU's user, so that no other process can put a socket in a guest's place.
"""

from __future__ import annotations

import stat
import time
from contextlib import suppress
from pathlib import Path

BOUND = Path("/proc/self/net/unix")  # of the network namespace the guests are in, which is ours
SETTLED = 2.0  # seconds; a younger file may be a socket that its guest is about to listen on


class ConsoleSockets:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.due = time.monotonic()  # a host that lost its power left some too

    def guest_died(self) -> None:
        self.due = time.monotonic() + SETTLED

    def sweep(self) -> None:
        """Remove what nobody has bound, once after each death."""
        if time.monotonic() < self.due:
            return
        self.due = float("inf")
        bound = {line.split(maxsplit=7)[-1] for line in BOUND.read_text(errors="replace").splitlines()}
        for file in self.folder.glob("*"):
            with suppress(OSError):
                about = file.lstat()
                if stat.S_ISSOCK(about.st_mode) and str(file) not in bound and time.time() - about.st_mtime > SETTLED:
                    file.unlink()
