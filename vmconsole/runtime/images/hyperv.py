"""Microsoft's two: VHD (QEMU calls it vpc) and VHDX. Differencing disks of both name a parent file and are refused."""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import check_size, damaged, refers_elsewhere

VHD_MAGIC: Final = b"conectix"
VHDX_MAGIC: Final = b"vhdxfile"

_FIXED, _DYNAMIC, _DIFFERENCING = 2, 3, 4
_WHOLE: Final = "Merge it with its parent in Hyper-V first."
_REGION_TABLES: Final = (192 * 1024, 256 * 1024)
_METADATA_REGION: Final = UUID("8B7CA206-4790-4B9A-B8FE-575F050F886E")
_BAT_REGION: Final = UUID("2DC27766-F623-4200-9D64-115E9BFD4A08")
_FILE_PARAMETERS: Final = UUID("CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
_DISK_SIZE: Final = UUID("2FA54224-CD1B-4876-B211-5DBED83BF4B8")
_PARENT_LOCATOR: Final = UUID("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C")
_HAS_PARENT: Final = 2


def vhd_size(reader: Reader) -> int:
    """`reader` begins with a footer's copy (dynamic) or ends with the footer (fixed)."""
    dynamic = reader.named("vhd").peek(0, 8) == VHD_MAGIC
    footer = reader.read(0 if dynamic else reader.size - 512, 512, "the footer")
    kind = struct.unpack_from(">I", footer, 60)[0]
    if kind == _DIFFERENCING:
        raise refers_elsewhere("vhd", "is a difference to another image", _WHOLE)
    if kind not in (_FIXED, _DYNAMIC) or (kind == _DYNAMIC) != dynamic:
        raise damaged("vhd", "its header contradicts itself")
    if struct.unpack_from(">I", footer, 64)[0] != _sum(footer, 64):
        raise damaged("vhd", "its check sum is wrong")
    size = int(struct.unpack_from(">Q", footer, 48)[0])
    check_size("vhd", size)
    if kind == _FIXED:
        reader.inside(0, size + 512, "part of its data")
        return size
    _check_dynamic(reader, int(struct.unpack_from(">Q", footer, 16)[0]), size)
    return size


def _check_dynamic(reader: Reader, offset: int, size: int) -> None:
    head = reader.read(offset, 1024, "its second header")
    table, _version, entries, block = struct.unpack_from(">QIII", head, 16)
    if head[:8] != b"cxsparse" or struct.unpack_from(">I", head, 36)[0] != _sum(head, 36):
        raise damaged("vhd", "its second header is not one")
    # Parent's id and name: QEMU ignores them, other tools do not. Locator entries are the rest of the header.
    if any(head[40:56]) or any(head[64:768]):
        raise refers_elsewhere("vhd", "is a difference to another image", _WHOLE)
    if block < 512 or block & (block - 1) or block > 256 * 2**20 or entries * block < size:
        raise damaged("vhd", "its map does not cover the disk")
    blocks = reader.read(table, entries * 4, "its map")
    last = (reader.size - 1) // 512
    if any(at != 0xFFFFFFFF and at > last for at in struct.unpack(f">{entries}I", blocks)):
        raise damaged("vhd", "part of its data lies beyond the end of the file")


def _sum(header: bytes, at: int) -> int:
    """Their check sum: the complement of the sum of all bytes but its own four."""
    return ~(sum(header) - sum(header[at : at + 4])) & 0xFFFFFFFF


def vhdx_size(reader: Reader) -> int:
    regions = _regions(reader.named("vhdx"))
    if _METADATA_REGION not in regions or _BAT_REGION not in regions:
        raise damaged("vhdx", "a table is missing")
    reader.inside(*regions[_BAT_REGION], "its map")
    start, length = regions[_METADATA_REGION]
    items = _items(reader, start, length)
    if _PARENT_LOCATOR in items:
        raise refers_elsewhere("vhdx", "is a difference to another image", _WHOLE)
    if _FILE_PARAMETERS not in items or _DISK_SIZE not in items:
        raise damaged("vhdx", "a part of its header is missing")
    block, flags = struct.unpack("<II", reader.read(start + items[_FILE_PARAMETERS], 8, "its header"))
    if flags & _HAS_PARENT:
        raise refers_elsewhere("vhdx", "is a difference to another image", _WHOLE)
    if block < 2**20 or block & (block - 1) or block > 256 * 2**20:
        raise damaged("vhdx", "its block size is impossible")
    size = int(struct.unpack("<Q", reader.read(start + items[_DISK_SIZE], 8, "its header"))[0])
    check_size("vhdx", size)
    if regions[_BAT_REGION][1] < -(-size // block) * 8:
        raise damaged("vhdx", "its map does not cover the disk")
    return size


def _regions(reader: Reader) -> dict[UUID, tuple[int, int]]:
    """Where the regions lie. Both copies of the table must say the same, or QEMU could read what we did not."""
    tables = [reader.read(at, 64 * 1024, "its region table") for at in _REGION_TABLES]
    valid = [table for table in tables if table[:4] == b"regi"]
    if not valid:
        raise damaged("vhdx", "its region table is missing")
    found = [_region_entries(table) for table in valid]
    if any(entries != found[0] for entries in found):
        raise damaged("vhdx", "its two region tables contradict each other")
    return found[0]


def _region_entries(table: bytes) -> dict[UUID, tuple[int, int]]:
    count = struct.unpack_from("<I", table, 8)[0]
    if count > 2047:
        raise damaged("vhdx", "its region table is too long")
    entries = (struct.unpack_from("<16sQI", table, 16 + 32 * at) for at in range(count))
    return {UUID(bytes_le=guid): (offset, length) for guid, offset, length in entries}


def _items(reader: Reader, start: int, length: int) -> dict[UUID, int]:
    table = reader.read(start, 64 * 1024, "its header")
    count = struct.unpack_from("<H", table, 10)[0]
    if table[:8] != b"metadata" or count > 1023:
        raise damaged("vhdx", "its header is not one")
    items: dict[UUID, int] = {}
    for at in range(count):
        guid, offset = struct.unpack_from("<16sI", table, 32 + 32 * at)
        if offset >= length:
            raise damaged("vhdx", "a part of its header lies outside of it")
        items[UUID(bytes_le=guid)] = offset
    return items
