"""The demo guest's disk: boots by BIOS and by UEFI, made without root, loop devices or mounts.

One MBR with two partitions: a FAT one that firmware and GRUB read, an ext4 one for the user. GRUB's BIOS part lies in
the gap before the first partition. What makes a boot fast under emulation is the number of firmware calls, so clusters
are large, files lie in one piece, and the image is not compressed (a compressed cluster is unpacked for each read).
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SECTOR = 512
FAT_START, FAT_SECTORS = 2048, 48 * 2048  # 48 MiB
DATA_START, DATA_SECTORS = FAT_START + FAT_SECTORS, 192 * 2048
SIZE = (DATA_START + DATA_SECTORS) * SECTOR
LAZY = "nodiscard,lazy_itable_init=0,lazy_journal_init=0"
CLUSTER_SECTORS = 16  # 8 KiB: the largest with which 48 MiB still are FAT16, which UEFI firmware insists on

# Each of these saves time under emulation; none changes what the guest can do.
COMMAND_LINE = (
    "quiet console=tty0 console=ttyS0 nokaslr mitigations=off edd=off cryptomgr.notests raid=noautodetect"
    # On a busy host without KVM the check of the timer takes a late tick for none, and panics.
    " no_timer_check"
)
# No menu and no `normal` module: what is not loaded takes no time. `linux16` instead of `linux`, because the latter
# moves the kernel about byte by byte, 3 s under emulation.
BIOS_CONFIG = f"linux16 /vmlinuz {COMMAND_LINE}\ninitrd16 /initrd.gz\nboot\n"
EFI_CONFIG = f"linux /vmlinuz {COMMAND_LINE}\ninitrd /initrd.gz\nboot\n"
BIOS_MODULES = ("biosdisk", "part_msdos", "fat", "linux16", "boot")
EFI_MODULES = ("part_msdos", "fat", "linux", "boot", "search", "all_video", "efi_gop")


def run(*arguments: str | Path) -> None:
    done = subprocess.run([str(argument) for argument in arguments], check=False, capture_output=True, text=True)
    if done.returncode:  # in its own words, and in one line: `up` shows the last one
        raise SystemExit(f"{Path(arguments[0]).name} failed: {' '.join(done.stderr.split())}")


def mkimage(packages: Path, platform: str, target: Path, config: str, modules: tuple[str, ...]) -> None:
    script = target.with_suffix(".cfg")
    script.write_text(config)
    run(
        *(packages / "usr/bin/grub-mkimage", "-O", platform, "-d", packages / "usr/lib/grub" / platform),
        *("-o", target, "-p", "(,msdos1)/", "-c", script, *modules),
    )


def boot_partition(packages: Path, kernel: Path, initrd: Path, work: Path) -> Path:
    fat, efi = work / "fat.img", work / "bootx64.efi"
    fat.unlink(missing_ok=True)
    with fat.open("wb") as file:
        file.truncate(FAT_SECTORS * SECTOR)
    run("mformat", "-i", fat, "-v", "DEMO", "-c", str(CLUSTER_SECTORS), "-H", str(FAT_START), "::")
    mkimage(packages, "x86_64-efi", efi, EFI_CONFIG, EFI_MODULES)
    run("mmd", "-i", fat, "::/EFI", "::/EFI/BOOT")
    for source, target in (
        (kernel, "::/vmlinuz"),
        (initrd, "::/initrd.gz"),
        (efi, "::/EFI/BOOT/BOOTX64.EFI"),
    ):
        run("mcopy", "-i", fat, source, target)
    return fat


def data_partition(work: Path) -> Path:
    data = work / "data.img"
    data.unlink(missing_ok=True)
    with data.open("wb") as file:
        file.truncate(DATA_SECTORS * SECTOR)
    # No work is left for the guest's first mount; a small journal, for the image is copied for every machine. It has at
    # least 1024 blocks: distributions differ in how large those of a small file system are.
    small = ("-b", "1024", "-J", "size=1", "-N", "4096")
    run("mke2fs", "-q", "-t", "ext4", "-L", "data", *small, "-E", LAZY, data)
    return data


def partition(start: int, sectors: int, kind: int, *, active: bool) -> bytes:
    nowhere = b"\xfe\xff\xff"  # cylinders and heads: nobody reads them any more
    return bytes([0x80 if active else 0]) + nowhere + bytes([kind]) + nowhere + struct.pack("<II", start, sectors)


def boot_record(packages: Path, work: Path) -> tuple[bytes, bytes]:
    """GRUB's first sector and the core that it loads from sector 1 on."""
    core_file = work / "core.img"
    mkimage(packages, "i386-pc", core_file, BIOS_CONFIG, BIOS_MODULES)
    boot = bytearray((packages / "usr/lib/grub/i386-pc/boot.img").read_bytes())
    core = bytearray(core_file.read_bytes())
    struct.pack_into("<Q", boot, 0x5C, 1)  # where the core lies
    struct.pack_into("<H", boot, 0x66, 0x9090)  # use the drive that the firmware names
    struct.pack_into("<Q", core, 500, 2)  # where the rest of the core lies
    if len(core) > (FAT_START - 1) * SECTOR:
        raise SystemExit("GRUB's core does not fit before the first partition.")
    return bytes(boot[:440]), bytes(core)


def write(packages: Path, kernel: Path, initrd: Path, work: Path, target: Path) -> None:
    boot, core = boot_record(packages, work)
    # UEFI firmware finds its files on a partition of type 0xEF, in an MBR as well.
    table = partition(FAT_START, FAT_SECTORS, 0xEF, active=True)
    table += partition(DATA_START, DATA_SECTORS, 0x83, active=False)
    raw = work / "disk.raw"
    with raw.open("wb") as disk:
        disk.truncate(SIZE)
        disk.write(boot.ljust(440, b"\0") + b"DEMO\0\0" + table.ljust(64, b"\0") + b"\x55\xaa")
        disk.write(core)
        for start, part in (
            (FAT_START, boot_partition(packages, kernel, initrd, work)),
            (DATA_START, data_partition(work)),
        ):
            disk.seek(start * SECTOR)
            with part.open("rb") as source:
                shutil.copyfileobj(source, disk, 1 << 20)
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, target)
