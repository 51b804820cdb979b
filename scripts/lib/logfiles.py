"""Show and follow the processes' log files, across rotation."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import TextIO

from instance import Trouble


def show(folder: Path, process: str, *, lines: int, follow: bool) -> None:
    files = [folder / f"{process}.log"] if process else sorted(folder.glob("*.log"))
    if not files or not all(file.exists() for file in files):
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise Trouble(f"There is no log of {process or 'any process'}. There are: {known}.")
    prefix = not process
    open_files: dict[Path, TextIO] = {}
    for file in files:
        open_files[file] = file.open(errors="replace")
        for line in deque(open_files[file], maxlen=lines):
            tell(file, line, prefix=prefix)
    while follow:
        try:
            time.sleep(0.3)
        except KeyboardInterrupt:
            return
        for file, stream in open_files.items():
            for line in stream:
                tell(file, line, prefix=prefix)
            if was_rotated(file, stream):
                stream.close()
                open_files[file] = file.open(errors="replace")


def was_rotated(file: Path, stream: TextIO) -> bool:
    try:
        return not os.path.samestat(file.stat(), os.fstat(stream.fileno()))
    except OSError:
        return False


def tell(file: Path, line: str, *, prefix: bool) -> None:
    print(f"{file.stem:<12}{line}" if prefix else line, end="" if line.endswith("\n") else "\n", flush=True)
