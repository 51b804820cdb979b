"""Images made to harm: each is a function that writes one file, and the reason it must be refused with.

They are built byte by byte where a tool would refuse to make them. `secret` is a file of the host whose content must
never come out anywhere.
"""

from __future__ import annotations

import gzip
import lzma
import os
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

MIB = 2**20
Build = Callable[[Path, Path], None]
BUILDERS: dict[str, tuple[Build, str]] = {}


def hostile(reason: str) -> Callable[[Build], Build]:
    def kept(build: Build) -> Build:
        BUILDERS[build.__name__] = (build, reason)
        return build

    return kept


def qemu_img(*arguments: str | Path) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def good(path: Path, kind: str = "qcow2", size: int = 8 * MIB, options: str = "") -> None:
    """A proper image with something on it."""
    raw = path.with_suffix(".plain")
    disk(raw, size)
    more = ["-o", options] if options else []
    qemu_img("convert", "-f", "raw", "-O", kind, *more, raw, path)
    raw.unlink()


def disk(path: Path, size: int = 8 * MIB) -> None:
    """A raw disk with a partition table and some data."""
    boot = bytearray(512)
    boot[446:462] = struct.pack("<B3xB3xII", 0x80, 0x83, 2048, size // 512 - 2048)
    boot[510:512] = b"\x55\xaa"
    with path.open("wb") as file:
        file.write(boot)
        file.seek(MIB)
        file.write(os.urandom(MIB))
        file.truncate(size)


def patched(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


# --- qcow2 ------------------------------------------------------------------------------------------------------
@hostile("ImageRefersToOtherFiles")
def qcow2_backing_file(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_backing_etc_passwd(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "/etc/passwd", "-F", "raw", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_backing_json(path: Path, secret: Path) -> None:
    name = f'json:{{"driver":"raw","file":{{"driver":"file","filename":"{secret}"}}}}'
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", name, "-F", "raw", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_backing_nbd(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-u", "-f", "qcow2", "-b", "nbd://127.0.0.1:1/x", "-F", "raw", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_version_2_backing(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-o", "compat=0.10", "-b", secret, "-F", "raw", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_data_file(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-f", "qcow2", "-o", f"data_file={path}.data,data_file_raw=on", path, "1M")


@hostile("ImageRefersToOtherFiles")
def qcow2_data_file_bit_only(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 72, struct.pack(">Q", 1 << 2))


@hostile("ImageRefersToOtherFiles")
def qcow2_data_file_name_without_bit(path: Path, secret: Path) -> None:
    good(path)
    name = str(secret).encode().ljust(64, b"\0")
    patched(path, 112, struct.pack(">II", 0x44415441, 64) + name + bytes(8))


@hostile("ImageNotSupported")
def qcow2_unknown_feature(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 72, struct.pack(">Q", 1 << 40))


@hostile("ImageNotSupported")
def qcow2_version_9(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 4, struct.pack(">I", 9))


@hostile("ImageEncrypted")
def qcow2_encrypted(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 32, struct.pack(">I", 2))


@hostile("ImageTooLarge")
def qcow2_petabyte(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 24, struct.pack(">Q", 2**50))


@hostile("ImageTooLarge")
def qcow2_largest_number(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 24, b"\xff" * 8)


@hostile("ImageHasTooManySnapshots")
def qcow2_million_snapshots(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 60, struct.pack(">IQ", 10**6, 65536))


@hostile("ImageDamaged")
def qcow2_snapshots_outside(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 60, struct.pack(">IQ", 3, 2**40))


@hostile("ImageDamaged")
def qcow2_map_outside(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 40, struct.pack(">Q", 2**40))


@hostile("ImageDamaged")
def qcow2_map_too_small(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 24, struct.pack(">Q", 2**44))


@hostile("ImageDamaged")
def qcow2_huge_map(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 36, struct.pack(">I", 0xFFFFFFFF))


@hostile("ImageDamaged")
def qcow2_cluster_bits_63(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 20, struct.pack(">I", 63))


@hostile("ImageDamaged")
def qcow2_header_length_huge(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 100, struct.pack(">I", 2**31))


@hostile("ImageDamaged")
def qcow2_endless_extensions(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 112, struct.pack(">II", 0x12345678, 0) * 4000)


@hostile("ImageDamaged")
def qcow2_marked_corrupt(path: Path, secret: Path) -> None:
    good(path)
    patched(path, 72, struct.pack(">Q", 2))


@hostile("ImageDamaged")
def qcow2_cut_off(path: Path, secret: Path) -> None:
    good(path)
    os.truncate(path, path.stat().st_size // 2)


@hostile("ImageDamaged")
def qcow2_cut_in_the_header(path: Path, secret: Path) -> None:
    good(path)
    os.truncate(path, 60)


@hostile("ImageDamaged")
def qcow2_last_cluster_missing(path: Path, secret: Path) -> None:
    good(path)
    os.truncate(path, path.stat().st_size - 65536)


# --- vmdk -------------------------------------------------------------------------------------------------------
def descriptor(extents: str, form: str = "monolithicFlat", parent: str = "ffffffff", more: str = "") -> bytes:
    return (
        f'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID={parent}\ncreateType="{form}"\n{more}\n{extents}\n'
    ).encode()


@hostile("ImageRefersToOtherFiles")
def vmdk_flat_of_secret(path: Path, secret: Path) -> None:
    path.write_bytes(descriptor(f'RW 8 FLAT "{secret}" 0'))


@hostile("ImageRefersToOtherFiles")
def vmdk_flat_behind_comments(path: Path, secret: Path) -> None:
    path.write_bytes(b"# a\n\n# b\n" + descriptor(f'RW 8 FLAT "{secret}" 0'))


@hostile("ImageRefersToOtherFiles")
def vmdk_nested(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=monolithicSparse")
    text = descriptor(f'RW 16384 SPARSE "{secret}"\nRW 8 FLAT "{secret}" 0', "monolithicSparse")
    patched(path, 512, text.ljust(20 * 512, b"\0"))


@hostile("ImageRefersToOtherFiles")
def vmdk_embedded_flat(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=monolithicSparse")
    patched(path, 512, descriptor(f'RW 8 FLAT "{secret}" 0').ljust(20 * 512, b"\0"))


@hostile("ImageRefersToOtherFiles")
def vmdk_no_capacity(path: Path, secret: Path) -> None:
    """QEMU reads a sparse header without capacity as a descriptor with extents."""
    good(path, "vmdk", options="subformat=monolithicSparse")
    patched(path, 12, bytes(8))


@hostile("ImageRefersToOtherFiles")
def vmdk_with_parent(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=monolithicSparse")
    hint = f'parentFileNameHint="{secret}"'
    text = descriptor('RW 16384 SPARSE "x.vmdk"', "monolithicSparse", "11111111", hint)
    patched(path, 512, text.ljust(20 * 512, b"\0"))


@hostile("ImageRefersToOtherFiles")
def vmdk_esx_extent(path: Path, secret: Path) -> None:
    path.write_bytes(b"COWD" + bytes(4096))


@hostile("ImageRefersToOtherFiles")
def vmdk_extent_of_many(path: Path, secret: Path) -> None:
    qemu_img("create", "-q", "-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse", path.with_name("many.vmdk"), "8M")
    path.with_name("many-s001.vmdk").replace(path)


@hostile("ImageDamaged")
def vmdk_cut_off(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=monolithicSparse")
    os.truncate(path, path.stat().st_size // 2)


@hostile("ImageDamaged")
def vmdk_stream_without_footer(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=streamOptimized")
    patched(path, 56, b"\xff" * 8)


@hostile("ImageTooLarge")
def vmdk_petabyte(path: Path, secret: Path) -> None:
    good(path, "vmdk", options="subformat=monolithicSparse")
    patched(path, 12, struct.pack("<Q", 2**41))


# --- vdi, vhd, vhdx ---------------------------------------------------------------------------------------------
@hostile("ImageRefersToOtherFiles")
def vdi_difference(path: Path, secret: Path) -> None:
    good(path, "vdi")
    patched(path, 0x4C, struct.pack("<I", 4))


@hostile("ImageRefersToOtherFiles")
def vdi_with_parent(path: Path, secret: Path) -> None:
    good(path, "vdi")
    patched(path, 0x1A8, os.urandom(16))


@hostile("ImageDamaged")
def vdi_cut_off(path: Path, secret: Path) -> None:
    good(path, "vdi")
    os.truncate(path, path.stat().st_size // 2)


@hostile("ImageTooLarge")
def vdi_petabyte(path: Path, secret: Path) -> None:
    good(path, "vdi")
    patched(path, 0x170, struct.pack("<Q", 2**50))


def resummed(path: Path, offset: int, length: int, at: int) -> None:
    """Make a VHD header's check sum right again."""
    with path.open("rb") as file:
        file.seek(offset)
        head = file.read(length)
    total = ~(sum(head) - sum(head[at : at + 4])) & 0xFFFFFFFF
    patched(path, offset + at, struct.pack(">I", total))


@hostile("ImageRefersToOtherFiles")
def vhd_differencing(path: Path, secret: Path) -> None:
    good(path, "vpc")
    patched(path, 60, struct.pack(">I", 4))
    resummed(path, 0, 512, 64)


@hostile("ImageRefersToOtherFiles")
def vhd_with_parent_name(path: Path, secret: Path) -> None:
    good(path, "vpc")
    patched(path, 512 + 64, str(secret).encode("utf-16-be"))
    resummed(path, 512, 1024, 36)


@hostile("ImageDamaged")
def vhd_wrong_sum(path: Path, secret: Path) -> None:
    good(path, "vpc")
    patched(path, 20, b"\xff")


@hostile("ImageTooLarge")
def vhd_petabyte(path: Path, secret: Path) -> None:
    good(path, "vpc")
    patched(path, 48, struct.pack(">Q", 2**50))
    resummed(path, 0, 512, 64)


def _metadata_item(path: Path, guid: str) -> tuple[int, int]:
    """Where a VHDX's metadata item stands in its table, and where its data is."""
    import uuid

    data = path.read_bytes()
    wanted = uuid.UUID(guid).bytes_le
    entry = data.index(wanted, data.index(b"metadata"))
    return entry, data.index(b"metadata") + struct.unpack_from("<I", data, entry + 16)[0]


@hostile("ImageRefersToOtherFiles")
def vhdx_has_parent(path: Path, secret: Path) -> None:
    good(path, "vhdx")
    _, at = _metadata_item(path, "CAA16737-FA36-4D43-B3B6-33F0AA44E76B")
    patched(path, at + 4, struct.pack("<I", 2))


@hostile("ImageTooLarge")
def vhdx_petabyte(path: Path, secret: Path) -> None:
    good(path, "vhdx")
    _, at = _metadata_item(path, "2FA54224-CD1B-4876-B211-5DBED83BF4B8")
    patched(path, at, struct.pack("<Q", 2**50))


@hostile("ImageDamaged")
def vhdx_cut_off(path: Path, secret: Path) -> None:
    good(path, "vhdx")
    os.truncate(path, 300 * 1024)


@hostile("ImageDamaged")
def vhdx_contradicting_tables(path: Path, secret: Path) -> None:
    good(path, "vhdx")
    patched(path, 256 * 1024 + 16 + 16, struct.pack("<Q", 2**40))


# --- what is no disk --------------------------------------------------------------------------------------------
@hostile("NotADiskImage")
def text_file(path: Path, secret: Path) -> None:
    path.write_text("root:x:0:0:root:/root:/bin/bash\n" * 64)


@hostile("NotADiskImage")
def web_page(path: Path, secret: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>404 not found</body></html>".ljust(1024))


@hostile("NotADiskImage")
def random_bytes(path: Path, secret: Path) -> None:
    path.write_bytes(b"\x00" + os.urandom(MIB - 1)[:509] + b"\0\0" + bytes(MIB - 512))


@hostile("NotADiskImage")
def only_zeros(path: Path, secret: Path) -> None:
    path.write_bytes(bytes(MIB))


@hostile("NotADiskImage")
def nothing(path: Path, secret: Path) -> None:
    path.write_bytes(b"")


@hostile("NotADiskImage")
def program(path: Path, secret: Path) -> None:
    path.write_bytes(b"\x7fELF" + bytes(4092))


@hostile("NotADiskImage")
def tar_archive(path: Path, secret: Path) -> None:
    path.write_bytes(b"disk.vmdk".ljust(257, b"\0") + b"ustar\x0000" + bytes(1024))


@hostile("NotADiskImage")
def odd_length(path: Path, secret: Path) -> None:
    disk(path)
    os.truncate(path, 8 * MIB + 7)


@hostile("ImageDamaged")
def partition_beyond_the_end(path: Path, secret: Path) -> None:
    disk(path)
    os.truncate(path, 4 * MIB)


@hostile("ImageDamaged")
def gpt_cut_off(path: Path, secret: Path) -> None:
    disk(path)
    patched(path, 450, b"\xee")
    patched(path, 512, b"EFI PART" + bytes(24) + struct.pack("<Q", 2**20))


@hostile("ImageDamaged")
def iso_cut_off(path: Path, secret: Path) -> None:
    volume = bytearray(2048)
    volume[:6] = b"\x01CD001"
    volume[80:84], volume[128:130] = struct.pack("<I", 10_000), struct.pack("<H", 2048)
    path.write_bytes(bytes(32768) + volume + bytes(2048))


# --- packed -----------------------------------------------------------------------------------------------------
@hostile("ImageUnpacksTooLarge")
def gz_bomb(path: Path, secret: Path) -> None:
    """10 GiB of zeros: the same deflated stream again and again, as members of one file."""
    member = gzip.compress(bytes(64 * MIB), 9)
    path.write_bytes(member * 160)


@hostile("ImageUnpacksTooLarge")
def xz_bomb(path: Path, secret: Path) -> None:
    member = lzma.compress(bytes(64 * MIB), preset=1)
    path.write_bytes(member * 160)


@hostile("ImageDamaged")
def xz_wanting_much_memory(path: Path, secret: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    path.write_bytes(_with_dictionary(lzma.compress(bytes(4096), filters=[{**filters[0], "dict_size": 4096}])))


def _with_dictionary(packed: bytes) -> bytes:
    """Say in the block's header that it needs a dictionary of 4 GiB, with the check sum right."""
    head = bytearray(packed[12 : 12 + (packed[12] + 1) * 4])
    head[4] = 40
    head[-4:] = struct.pack("<I", zlib.crc32(bytes(head[:-4])))
    return packed[:12] + bytes(head) + packed[12 + len(head) :]


@hostile("ImagePackedTwice")
def gz_in_gz(path: Path, secret: Path) -> None:
    path.write_bytes(gzip.compress(gzip.compress(bytes(MIB))))


@hostile("ImageDamaged")
def gz_cut_off(path: Path, secret: Path) -> None:
    disk(path)
    path.write_bytes(gzip.compress(path.read_bytes(), 1)[:-20])


@hostile("ImageDamaged")
def xz_garbage(path: Path, secret: Path) -> None:
    path.write_bytes(b"\xfd7zXZ\0" + os.urandom(4096))


@hostile("ImageRefersToOtherFiles")
def gz_of_backing_file(path: Path, secret: Path) -> None:
    qcow2_backing_file(path, secret)
    path.write_bytes(gzip.compress(path.read_bytes()))


@hostile("NotADiskImage")
def gz_of_text(path: Path, secret: Path) -> None:
    path.write_bytes(gzip.compress(secret.read_bytes()))
