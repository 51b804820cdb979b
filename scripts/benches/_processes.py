"""Starting what is measured, and reading from the kernel what it cost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@contextmanager
def running(command: list[str], ready: Callable[[], bool], env: dict[str, str] | None = None) -> Iterator[int]:
    """A process group of its own, killed as a whole at the end. Yields its id."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **(env or {})}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait(ready, lambda: process.poll() is None)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait(ready: Callable[[], bool], alive: Callable[[], bool] = lambda: True, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if not alive() or time.monotonic() > end:
            raise RuntimeError("what should be measured did not start")
        time.sleep(0.02)


def cpu_seconds(pid: int) -> float:
    """CPU that this process, its threads and its living descendants took, to the nanosecond."""
    total = 0
    for one in family(pid):
        for task in Path(f"/proc/{one}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (OSError, IndexError):
                continue  # ended while we looked
    return total / 1e9


def memory_bytes(pid: int) -> int:
    """Private memory of the process and its descendants."""
    total = 0
    for one in family(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


def family(pid: int) -> list[int]:
    found, wanted = [], [pid]
    while wanted:
        one = wanted.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                wanted += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found
