"""Which format a file is, and how large its disk.

The first match wins, in the order in which QEMU would have to be told. The caller gives the found format to QEMU
explicitly (`-f`), so QEMU never guesses by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from vmconsole.runtime.images import hyperv, plain, qcow2, virtualbox, vmdk
from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import BadImage


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What the file said. `format` is QEMU's name for it."""

    format: str
    virtual_bytes: int


def inspect(file: BinaryIO) -> ImageHeader:
    """Read the header and judge it; BadImage when the file is not to be touched by anything else."""
    reader = Reader(file)
    if reader.size == 0:
        raise BadImage("NotADiskImage", "The file is empty. Check where it comes from.")
    name, measure = _format(reader)
    return ImageHeader(name, measure(reader))


def _format(reader: Reader) -> tuple[str, Callable[[Reader], int]]:
    head = reader.peek(0, 64 * 1024)
    if head.startswith(qcow2.MAGIC):
        return "qcow2", qcow2.virtual_size
    if head.startswith(vmdk.MAGIC):
        return "vmdk", vmdk.virtual_size
    # QEMU takes a description anywhere in the first lines that are comments or blank.
    if head.startswith(vmdk.ESX_MAGIC) or vmdk.DESCRIPTOR.lower() in head[:4096].lower():
        raise vmdk.refuse_parts()
    if head.startswith(hyperv.VHDX_MAGIC):
        return "vhdx", hyperv.vhdx_size
    if head[virtualbox.MAGIC_AT : virtualbox.MAGIC_AT + 4] == virtualbox.MAGIC:
        return "vdi", virtualbox.virtual_size
    if head.startswith(hyperv.VHD_MAGIC) or reader.peek(reader.size - 512, 8) == hyperv.VHD_MAGIC:
        return "vpc", hyperv.vhd_size
    return "raw", plain.virtual_size
