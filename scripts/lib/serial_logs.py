"""Serial logs as other processes need them: readable by the consoles' group, and honest about gaps.

virtlogd (root) makes every log file with mode 0600, new ones on rotation too, and no umask or default ACL can widen
that. Their group is right already (the folder's set-group-id bit); so the one missing bit is added the moment a file
appears.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import linux

MODE = 0o640
LOST = "\r\n[{at} the recorder of this log was lost; it goes on when this machine is started again]\r\n"


class SerialLogs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watch = linux.Watch(folder)
        self.fd = self.watch.fd
        self.open_all()

    def open_all(self) -> None:
        for name in os.listdir(self.folder):
            self.open_one(name)

    def open_new(self) -> None:
        for name in self.watch.names():
            self.open_one(name) if name else self.open_all()

    def open_one(self, name: str) -> None:
        """Let the group read it. Opened without following links: whoever owns the folder is not root."""
        try:
            fd = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return  # removed or rotated away in the meantime
        try:
            os.fchmod(fd, MODE)
        finally:
            os.close(fd)

    def recording_lost(self, guests_run: bool) -> None:
        """Say so in the logs: silence would read as a quiet guest."""
        if not guests_run:
            return
        note = LOST.format(at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
        for file in self.folder.glob("*.log"):
            with open(file, "ab", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW)) as log:
                log.write(note.encode())
