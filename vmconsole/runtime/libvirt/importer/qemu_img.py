"""qemu-img on a short leash: explicit formats, bounded memory, time and output, and it dies with us.

It is run on files whose headers we have read and accepted, never to find out what a file is.
"""

from __future__ import annotations

import json
import re
import resource
import selectors
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from vmconsole.runtime.libvirt.importer.failures import ImportFailed, disk_full

_TOOL: Final = "qemu-img"
_MEMORY: Final = 2 * 2**30  # address space, threads' stacks included; 64 TiB of qcow2 tables fit
_SECONDS: Final = 120
_SECONDS_PER_GIB: Final = 30  # of CPU; zlib clusters unpack at 50 MB/s on a slow core
_PERCENT: Final = re.compile(rb"\((\d+(?:\.\d+)?)/100%\)")
_DETAIL: Final = 2000
_LEAKS: Final = 3  # exit code of `qemu-img check` for clusters that nobody uses, which do no harm
_CHECKED: Final = {"qcow2", "vmdk", "vdi", "vhdx"}


class LockHeld(Exception):
    """A running machine holds the file."""


def create(path: Path, size: int) -> None:
    _run(["create", "-q", "-f", "qcow2", str(path), str(size)], largest=2**30)


def resize(path: Path, size: int) -> None:
    _run(["resize", "-q", "-f", "qcow2", str(path), str(size)], largest=resource.RLIM_INFINITY)


def virtual_size(path: Path) -> int:
    """Of one of our own volumes. Raises LockHeld when a machine writes to it."""
    told: dict[str, Any] = json.loads(_run(["info", "-f", "qcow2", "--output=json", str(path)]))
    return int(told["virtual-size"])


def check(path: Path, kind: str, virtual_bytes: int) -> None:
    """Do all clusters lie inside the file? A cut-off image would otherwise be taken in with zeros at its end."""
    if kind in _CHECKED:
        _run(["check", "-q", "-f", kind, str(path)], virtual_bytes=virtual_bytes, fine=(0, _LEAKS))


def convert(source: Path, kind: str, target: Path, virtual_bytes: int, *, moved: Callable[[float], None]) -> None:
    """A flat qcow2 of `source`. `moved` hears the share done, and may raise to stop it."""
    largest = virtual_bytes + virtual_bytes // 8 + 64 * 2**20
    arguments = ["convert", "-p", "-f", kind, "-O", "qcow2", str(source), str(target)]
    _run(arguments, virtual_bytes=virtual_bytes, largest=largest, moved=moved)


def _run(
    arguments: list[str],
    *,
    virtual_bytes: int = 0,
    largest: int = 0,
    moved: Callable[[float], None] | None = None,
    fine: tuple[int, ...] = (0,),
) -> bytes:
    seconds = _SECONDS + _SECONDS_PER_GIB * (virtual_bytes // 2**30)
    child = subprocess.Popen(
        [*_leash(seconds, largest), _TOOL, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    try:
        said, complained = _listen(child, moved or (lambda _share: None))
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
    if child.returncode not in fine:
        raise _failure(arguments[0], child.returncode, complained)
    return said


def _leash(seconds: int, largest: int) -> list[str]:
    """Commands that turn into the one behind them: it dies with us, and takes no more than this.

    Set by commands and not in a function between fork and exec: for that a large process would have to be copied.
    """
    size = "unlimited" if largest == resource.RLIM_INFINITY else str(largest)
    limits = [f"--as={_MEMORY}", f"--cpu={seconds}", f"--fsize={size}", "--core=0"]
    return ["setpriv", "--pdeathsig", "KILL", "prlimit", *limits, "--"]


def _listen(child: subprocess.Popen[bytes], moved: Callable[[float], None]) -> tuple[bytes, bytes]:
    """What it said on both streams, the last part of it. Calls `moved` at least twice a second."""
    heard = {"out": b"", "err": b""}
    share = 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(_stream(child.stdout), selectors.EVENT_READ, "out")
        selector.register(_stream(child.stderr), selectors.EVENT_READ, "err")
        while selector.get_map():
            for key, _ in selector.select(timeout=0.5):
                stream: Any = key.fileobj
                data = stream.read1(65536)
                if not data:
                    selector.unregister(stream)
                heard[key.data] = (heard[key.data] + data)[-65536:]
                percents = _PERCENT.findall(data)
                share = float(percents[-1]) / 100 if percents else share
            moved(share)
    return heard["out"], heard["err"]


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _failure(verb: str, code: int, complained: bytes) -> Exception:
    detail = f"{_TOOL} {verb} ended with {code}: " + complained.decode("utf-8", "replace")[-_DETAIL:]
    if b"lock" in complained and b"another process" in complained:
        return LockHeld(detail)
    if b"No space left" in complained or b"quota exceeded" in complained:
        return disk_full(detail)
    if code in (-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGXFSZ) or b"Cannot allocate memory" in complained:
        return ImportFailed(
            "ImageTooExpensive",
            "The image takes more memory, time or space to read than any image of its size should. It was refused.",
            detail,
        )
    return ImportFailed(
        "ImageDamaged", "The image is damaged or cut off and cannot be read. Make or download it again.", detail
    )
