"""VMware's VMDK, where one self-contained file is one form of eight.

Only `monolithicSparse` and `streamOptimized` hold everything themselves. All other forms are text that names further
files on the reader's host, which is how a stranger's image reads your password file.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import BadImage, check_size, damaged, refers_elsewhere

MAGIC: Final = b"KDMV"
ESX_MAGIC: Final = b"COWD"
DESCRIPTOR: Final = b"# Disk DescriptorFile"

_SECTOR: Final = 512
_AT_END: Final = 0xFFFFFFFFFFFFFFFF
_DESCRIPTOR_BYTES: Final = 64 * 1024
_WHOLE: Final = {"monolithicsparse", "streamoptimized"}
_EXPORT: Final = "Export it as one file, or convert it: qemu-img convert -O qcow2 OLD NEW."
_EXTENT: Final = re.compile(rb"(?mi)^[ \t]*(?:RW|RDONLY|NOACCESS)[ \t]+\d+[ \t]+(\w+)(.*)$")


def refuse_parts() -> BadImage:
    """The refusal for a descriptor without data and for extents of ESX hosts."""
    return refers_elsewhere("vmdk", "is only a description of a disk in other files", _EXPORT)


def virtual_size(reader: Reader) -> int:
    head = reader.named("vmdk").read(0, 79, "the header")
    capacity, grain = _check_header(head)
    descriptor_offset, descriptor_size = struct.unpack_from("<QQ", head, 28)
    if not capacity:
        raise refuse_parts()
    if not descriptor_offset or not descriptor_size or descriptor_size * _SECTOR > _DESCRIPTOR_BYTES:
        raise refers_elsewhere("vmdk", "is one part of a disk of several files", _EXPORT)
    # QEMU reads its own fixed length here, whatever the header says, so the longer of both is judged.
    length = max(descriptor_size * _SECTOR, 20 * _SECTOR)
    _check_descriptor(reader.peek(descriptor_offset * _SECTOR, length), descriptor_size * _SECTOR)
    check_size("vmdk", capacity * _SECTOR)
    _check_directory(reader, head, capacity, grain)
    return int(capacity * _SECTOR)


def _check_header(head: bytes) -> tuple[int, int]:
    version, flags, capacity, grain = struct.unpack_from("<IIQQ", head, 4)
    if version not in (1, 2, 3):
        raise BadImage("ImageNotSupported", f"The vmdk image has an unknown version. {_EXPORT}")
    if grain == 0 or grain & (grain - 1) or grain * _SECTOR > 128 * 2**20:
        raise damaged("vmdk", "its grain size is impossible")
    if flags & 1 and head[73:77] != b"\n \r\n":
        raise damaged("vmdk", "its line ends were changed on the way, as a transfer as text does")
    return capacity, grain


def _check_directory(reader: Reader, head: bytes, capacity: int, grain: int) -> None:
    per_table = struct.unpack_from("<I", head, 44)[0]
    directory = struct.unpack_from("<Q", head, 56)[0]
    if directory == _AT_END:
        footer = reader.read(reader.size - 2 * _SECTOR, 79, "the footer")
        if footer[:4] != MAGIC:
            raise damaged("vmdk", "its footer is missing")
        if struct.unpack_from("<QQ", footer, 12) != (capacity, grain):
            raise damaged("vmdk", "header and footer contradict each other")
        if footer[28:44] not in (head[28:44], bytes(16)):
            raise damaged("vmdk", "header and footer contradict each other")
        directory = struct.unpack_from("<Q", footer, 56)[0]
    if not 0 < per_table <= 512:
        raise damaged("vmdk", "its tables have an impossible size")
    entries = -(-capacity // (per_table * grain))
    tables = struct.unpack(f"<{entries}I", reader.read(directory * _SECTOR, entries * 4, "its grain directory"))
    last = (reader.size - per_table * 4) // _SECTOR
    if any(table > last for table in tables):
        raise damaged("vmdk", "part of its map lies beyond the end of the file")


def _check_descriptor(text: bytes, length: int) -> None:
    lowered = text.lower()
    if b"parentfilenamehint" in lowered:
        raise refers_elsewhere("vmdk", "is a difference to another image", "Export the whole disk.")
    text = text[:length].split(b"\0", 1)[0]
    parent = re.search(rb'(?mi)^[ \t]*parentCID[ \t]*=[ \t]*"?([0-9a-f]+)', text)
    if parent and parent[1].lower() != b"ffffffff":
        raise refers_elsewhere("vmdk", "is a difference to another image", "Export the whole disk.")
    form = re.search(rb'(?mi)^[ \t]*createType[ \t]*=[ \t]*"?(\w+)', text)
    if form is None or form[1].decode().lower() not in _WHOLE:
        raise refers_elsewhere("vmdk", "is not of the form that holds everything in one file", _EXPORT)
    extents = _EXTENT.findall(text)
    if len(extents) != 1 or extents[0][0].upper() != b"SPARSE":
        raise refers_elsewhere("vmdk", "names further files in its description", _EXPORT)
    if re.search(rb'["\s][^"\n]*[/\\:]', extents[0][1]):
        raise refers_elsewhere("vmdk", "names a file by its path in its description", _EXPORT)
