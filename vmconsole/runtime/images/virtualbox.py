"""VirtualBox's VDI. Difference images are known by their parent's id."""

from __future__ import annotations

import struct
from typing import Final

from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import BadImage, check_size, damaged, refers_elsewhere

MAGIC_AT: Final = 0x40
MAGIC: Final = bytes.fromhex("7f10dabe")

_DYNAMIC, _STATIC = 1, 2


def virtual_size(reader: Reader) -> int:
    head = reader.named("vdi").read(0, 512, "the header")
    version, header_size, kind = struct.unpack_from("<III", head, 0x44)
    map_offset, data_offset = struct.unpack_from("<II", head, 0x154)
    sector = struct.unpack_from("<I", head, 0x168)[0]
    size, block, _extra, blocks, allocated = struct.unpack_from("<QIIII", head, 0x170)
    link, parent = head[0x1A8:0x1B8], head[0x1B8:0x1C8]
    if kind not in (_DYNAMIC, _STATIC) or any(link) or any(parent):
        raise refers_elsewhere("vdi", "is a difference to another image", "Clone the whole disk in VirtualBox first.")
    if version != 0x00010001 or header_size < 0x180:
        raise BadImage("ImageNotSupported", "The vdi image has an unknown version. Convert it to qcow2 first.")
    check_size("vdi", size)
    if sector != 512 or block != 2**20 or map_offset % 512 or data_offset % 512:
        raise damaged("vdi", "its header contradicts itself")
    if blocks * block < size or allocated > blocks:
        raise damaged("vdi", "its map does not cover the disk")
    reader.inside(map_offset, blocks * 4, "its map")
    reader.inside(data_offset, allocated * block, "part of its data")
    return int(size)
