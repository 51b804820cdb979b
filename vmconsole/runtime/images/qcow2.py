"""qcow2, versions 2 and 3: QEMU's own format, and the one with the most ways to point elsewhere.

The layout is in QEMU's docs/interop/qcow2.rst. Backing files, external data files and encryption are refused; every
table must lie inside the file. Whether the clusters do, `qemu-img check` tells later, under limits.
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import Final

from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import BadImage, check_size, damaged, refers_elsewhere

MAGIC: Final = b"QFI\xfb"

_DIRTY, _CORRUPT, _DATA_FILE, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
_UNDERSTOOD: Final = _DIRTY | _CORRUPT | _DATA_FILE | _COMPRESSION | _EXTENDED_L2
_BACKING_FORMAT, _DATA_FILE_NAME, _ENCRYPTION = 0xE2792ACA, 0x44415441, 0x0537BE77
_MOST_SNAPSHOTS: Final = 64  # a table of a million makes tools read for minutes; published images have none
_MOST_EXTENSIONS: Final = 64
_OFFSET_MASK: Final = 0x00FFFFFFFFFFFE00


def virtual_size(reader: Reader) -> int:
    """The size of the disk inside, or BadImage."""
    head = reader.named("qcow2").read(0, 72, "the header")
    (version, backing, _backing_size, cluster_bits, size, crypt, l1_size, l1_offset, table_offset, table_clusters) = (
        struct.unpack(">IQIIQIIQQI", head[4:60])
    )
    snapshots, snapshots_offset = struct.unpack(">IQ", head[60:72])
    if version not in (2, 3):
        raise BadImage(
            "ImageNotSupported", "The qcow2 image has a version that is not 2 or 3. Convert it to qcow2 version 3."
        )
    if backing:
        raise refers_elsewhere("qcow2", "has a backing file", "Flatten it first: qemu-img convert -O qcow2 OLD NEW.")
    if crypt:
        raise _encrypted()
    if not 9 <= cluster_bits <= 21:
        raise damaged("qcow2", "its cluster size is impossible")
    check_size("qcow2", size)
    extended_l2 = _check_version_3(reader, 1 << cluster_bits) if version == 3 else False
    if snapshots > _MOST_SNAPSHOTS:
        raise BadImage(
            "ImageHasTooManySnapshots",
            f"The qcow2 image holds more than {_MOST_SNAPSHOTS} snapshots. "
            "Flatten it first: qemu-img convert -O qcow2 OLD NEW.",
        )
    if snapshots:
        reader.inside(snapshots_offset, snapshots * 40, "its snapshot table")
    cluster = 1 << cluster_bits
    if table_offset % cluster or l1_offset % cluster:
        raise damaged("qcow2", "a table does not begin where one may")
    reader.inside(table_offset, table_clusters * cluster, "its reference count table")
    _check_map(reader, size, cluster, l1_size, l1_offset, 16 if extended_l2 else 8)
    return int(size)


def _encrypted() -> BadImage:
    return BadImage(
        "ImageEncrypted", "The qcow2 image is encrypted, and nobody here has its key. Decrypt it before importing."
    )


def _check_version_3(reader: Reader, cluster: int) -> bool:
    """Feature bits and extensions. True when it has extended L2 entries."""
    incompatible, _compatible, _autoclear, order, length = struct.unpack(">QQQII", reader.read(72, 32, "the header"))
    if incompatible & ~_UNDERSTOOD:
        raise BadImage(
            "ImageNotSupported", "The qcow2 image uses features that are not known here. Convert it with plain options."
        )
    if incompatible & _DATA_FILE:
        raise refers_elsewhere(
            "qcow2", "keeps its data in another file", "Convert it first: qemu-img convert -O qcow2 OLD NEW."
        )
    if incompatible & _CORRUPT:
        raise damaged("qcow2", "it is marked as corrupt")
    if order > 6 or length < 104 or length % 8 or length > cluster:
        raise damaged("qcow2", "its header contradicts itself")
    compression = reader.peek(104, 1) if length > 104 else b"\0"
    if compression not in (b"\0", b"\1"):
        raise BadImage(
            "ImageNotSupported", "The qcow2 image is packed in an unknown way. Convert it with zlib or zstd."
        )
    _check_extensions(reader.read(0, min(cluster, reader.size), "the header"), length)
    return bool(incompatible & _EXTENDED_L2)


def _check_extensions(head: bytes, offset: int) -> None:
    for _ in range(_MOST_EXTENSIONS):
        if offset + 8 > len(head):
            return
        kind, length = struct.unpack_from(">II", head, offset)
        if kind == 0:
            return
        if kind in (_BACKING_FORMAT, _DATA_FILE_NAME):
            raise refers_elsewhere(
                "qcow2", "names another file in its header", "Flatten it: qemu-img convert -O qcow2 OLD NEW."
            )
        if kind == _ENCRYPTION:
            raise _encrypted()
        offset += 8 + (length + 7) // 8 * 8
    raise damaged("qcow2", "its header has too many parts")


def _check_map(reader: Reader, size: int, cluster: int, l1_size: int, l1_offset: int, entry: int) -> None:
    """The first map must cover the disk, and every second map must lie inside the file."""
    per_l2 = cluster // entry * cluster
    if l1_size < -(-size // per_l2):
        raise damaged("qcow2", "its map does not cover the disk")
    l1 = array("Q", reader.read(l1_offset, l1_size * 8, "its map"))
    if sys.byteorder == "little":
        l1.byteswap()
    last = reader.size - cluster
    if any((pointer & _OFFSET_MASK) > last for pointer in l1 if pointer):
        raise damaged("qcow2", "part of its map lies beyond the end of the file")
