"""Raw disks and CD-ROMs: bytes without a header, so something in them must show that they are a disk.

A text file, a web page with the words "not found", or random bytes are no disk: a machine made from them would not
boot and nobody would know why. A raw disk with nothing on it that we know can still come in as qcow2.
"""

from __future__ import annotations

import struct
from typing import Final

from vmconsole.runtime.images.reader import Reader
from vmconsole.runtime.images.refusal import BadImage, check_size, damaged

_SECTOR: Final = 512
_PROTECTIVE: Final = 0xEE
_FILE_SYSTEMS: Final = (
    (1080, b"\x53\xef"),  # ext2, 3, 4
    (0, b"XFSB"),
    (0x10040, b"_BHRfS_M"),  # btrfs
    (0, b"hsqs"),  # squashfs
    (4086, b"SWAPSPACE2"),
    (512, b"LABELONE"),  # LVM
    (0, b"LUKS\xba\xbe"),
    (8192 + 1372, b"\x19\x54\x01\x19"),  # UFS1
    (65536 + 1372, b"\x19\x01\x54\x19"),  # UFS2
)
_NOT_A_DISK: Final = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\x7fELF", "a program"),
    (b"QED\0", "a QED image"),
    (b"WithoutFreeSpace", "a Parallels image"),
    (b"WithouFreSpacExt", "a Parallels image"),
    (b"MZ", "a Windows program"),
)


def virtual_size(reader: Reader) -> int:
    """The size of the disk, which is the size of the file."""
    if _optical(reader):
        return _optical_size(reader)
    _refuse_known(reader.peek(0, 512))
    if reader.size % _SECTOR or not (_partitioned(reader) or _has_file_system(reader)):
        raise BadImage(
            "NotADiskImage",
            "The file is not a disk image: it is none of qcow2, vmdk, vdi, vhd, vhdx, iso, and as a raw disk it has "
            "neither partitions nor a file system. Check where it comes from; an empty disk can be made blank here.",
        )
    check_size("raw", reader.size)
    return reader.size


def _refuse_known(head: bytes) -> None:
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise BadImage(
            "NotADiskImage",
            "The file is a web page, not a disk image. The address needs to be that of the image itself.",
        )
    for magic, name in _NOT_A_DISK:
        if head.startswith(magic):
            raise BadImage(
                "NotADiskImage", f"The file is {name}, not a disk image. Unpack or convert it to qcow2 first."
            )
    if head[257:262] == b"ustar":
        raise BadImage(
            "NotADiskImage", "The file is a tar or OVA archive, not a disk image. Unpack it and take the disk in it."
        )


def _optical(reader: Reader) -> bool:
    return reader.peek(32769, 5) in (b"CD001", b"BEA01")


def _optical_size(reader: Reader) -> int:
    if reader.named("iso").peek(32769, 5) == b"CD001":
        blocks = struct.unpack("<I", reader.read(32768 + 80, 4, "the volume descriptor"))[0]
        block = struct.unpack("<H", reader.read(32768 + 128, 2, "the volume descriptor"))[0]
        reader.inside(0, blocks * block, "part of its data")
    size = -(-reader.size // _SECTOR) * _SECTOR
    check_size("iso", size)
    return size


def _has_file_system(reader: Reader) -> bool:
    return any(reader.peek(offset, len(magic)) == magic for offset, magic in _FILE_SYSTEMS)


def _partitioned(reader: Reader) -> bool:
    """A partition table or a boot sector is there. A disk that ends before its partitions do was cut off."""
    boot = reader.peek(0, 512)
    if boot[510:512] != b"\x55\xaa":
        return False
    if reader.named("raw").peek(512, 8) == b"EFI PART":
        backup = struct.unpack("<Q", reader.read(544, 8, "the partition table"))[0]
        reader.inside(backup * _SECTOR, _SECTOR, "its second partition table")
        return True
    partitions = [struct.unpack_from("<B3xB3xII", boot, 446 + 16 * at) for at in range(4)]
    if all(flag in (0, 0x80) for flag, *_ in partitions):
        for _flag, kind, start, length in partitions:
            if kind not in (0, _PROTECTIVE) and (start + length) * _SECTOR > reader.size:
                raise damaged("raw", "a partition ends beyond the end of the file")
    return True
