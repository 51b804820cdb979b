"""The demo guest's file system: busybox, the guest agent, an SSH server and the modules a virtual machine needs.

Packed by hand into cpio's "newc" format: no root, no device nodes on the build host, the same bytes every time.
"""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import stat
import subprocess
from pathlib import Path

OURS = Path(__file__).resolve().parent / "root"

# Loaded before the login prompt, because the seed lies on a disk; the rest follows while people type.
EARLY = ("virtio_pci", "virtio_blk", "isofs")
EARLY_IF_SCSI = ("virtio_scsi", "sd_mod", "sr_mod")
LATE = ("virtio_net", "virtio_console", "virtio_balloon", "virtio-rng", "button", "evdev", "ext4", "crc32c_generic")
EXTRA = ("virtio_input", "8021q", "virtiofs", "vmw_vsock_virtio_transport", "virtio_mem", "loop", "veth", "bridge")

FOLDERS = ("bin", "sbin", "etc/dropbear", "proc", "sys", "dev", "run", "tmp", "mnt", "root", "data", "home/demo")
FOLDERS += ("usr/bin", "usr/sbin", "var/log", "lib64", "usr/share/udhcpc")
PASSWORD_FILE = "root:x:0:0:root:/root:/bin/sh\ndemo:x:1000:1000:demo:/home/demo:/bin/sh\n"
GROUP_FILE = "root:x:0:\ntty:x:5:\ndemo:x:1000:\n"
PROFILE = "export PATH=/bin:/sbin:/usr/bin:/usr/sbin PS1='\\u@\\h:\\w\\$ '\n"


def unpack_module(source: Path, target: Path) -> None:
    """Distributions compress modules in their own ways; busybox' insmod wants them plain."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".xz":
        target.write_bytes(lzma.decompress(source.read_bytes()))
    elif source.suffix == ".zst":
        subprocess.run(["zstd", "-q", "-d", "-f", source, "-o", target], check=True)
    elif source.suffix == ".gz":
        target.write_bytes(gzip.decompress(source.read_bytes()))
    else:
        shutil.copyfile(source, target)


class Modules:
    """The kernel modules of an unpacked package, by name, with what they depend on."""

    def __init__(self, packages: Path, release: str) -> None:
        roots = [packages / "lib/modules" / release, packages / "usr/lib/modules" / release]
        self.release = release
        self.files: dict[str, Path] = {}
        for root in roots:
            for file in root.glob("kernel/**/*.ko*"):
                self.files[file.name.split(".ko")[0].replace("-", "_")] = file

    def copy(self, names: tuple[str, ...], root: Path, done: list[str]) -> list[str]:
        """Put the modules and all they need into the guest; the paths in the order of loading."""
        order: list[str] = []
        for name in names:
            self._copy_one(name.replace("-", "_"), root, done, order)
        return order

    def _copy_one(self, name: str, root: Path, done: list[str], order: list[str]) -> None:
        source = self.files.get(name)
        if source is None or name in done:  # built into the kernel, or there already
            return
        done.append(name)
        inside = f"lib/modules/{self.release}/kernel/{name}.ko"
        unpack_module(source, root / inside)
        needs = re.search(rb"\0depends=([^\0]*)\0", (root / inside).read_bytes())
        for need in filter(None, needs.group(1).decode().split(",") if needs else ()):
            self._copy_one(need.replace("-", "_"), root, done, order)
        order.append(f"/{inside}")


def copy_modules(packages: Path, release: str, root: Path) -> None:
    modules, done = Modules(packages, release), list[str]()
    early = modules.copy(EARLY + EARLY_IF_SCSI, root, done)
    late = modules.copy(LATE, root, done)
    modules.copy(EXTRA, root, done)
    (root / "etc/modules.early").write_text("\n".join(early) + "\n")
    (root / "etc/modules.late").write_text("\n".join(late) + "\n")
    (root / f"lib/modules/{release}").mkdir(parents=True, exist_ok=True)
    # busybox' own, so that its modprobe surely reads the result; run on the build host, which may have none.
    subprocess.run([root / "bin/busybox", "depmod", "-b", root, release], check=True, stderr=subprocess.DEVNULL)


def copy_program(packages: Path, program: str, root: Path) -> None:
    """A program and its libraries. They come from the unpacked packages or from the host: the same distribution."""
    source = packages / program
    target = root / program
    shutil.copy2(source, target)
    folders = [*packages.glob("usr/lib/*-linux-gnu"), *packages.glob("lib/*-linux-gnu")]
    listed = subprocess.run(
        ["ldd", source],
        env={"LD_LIBRARY_PATH": ":".join(map(str, folders)), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "not found" in listed:
        raise SystemExit(f"The demo image's {program} lacks a library on this host:\n{listed}")
    for line in listed.splitlines():
        found = re.search(r"(?:=> )?(/\S+) \(0x", line)
        if found is None:
            continue
        library = Path(found.group(1))
        # The loader has one path that is written into every program; the others are found by its default search.
        place = root / "lib64" if library.name.startswith("ld-linux") else root / "lib/x86_64-linux-gnu"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(library, place / library.name)
        (place / library.name).chmod(0o755)
    strip([target, *root.glob("lib/x86_64-linux-gnu/*")])


def strip(files: list[Path]) -> None:
    subprocess.run(["strip", "--strip-unneeded", *files], check=False, stderr=subprocess.DEVNULL)


def crypted(password: str, busybox: Path) -> str:
    made = subprocess.run(
        [busybox, "mkpasswd", "-m", "sha256", "-P", "0"], input=password, check=True, capture_output=True, text=True
    )
    return made.stdout.strip()


def fill(packages: Path, release: str, root: Path) -> None:
    """The whole tree of the guest below `root`."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    busybox = next(file for file in (packages / "bin/busybox", packages / "usr/bin/busybox") if file.exists())
    shutil.copy2(busybox, root / "bin/busybox")
    applets = subprocess.run([busybox, "--list-full"], check=True, capture_output=True, text=True).stdout.split()
    for applet in applets:
        link = root / applet
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to("/bin/busybox")
    for file in OURS.rglob("*"):
        if file.is_file():
            target = root / file.relative_to(OURS)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(file, target)
            executable = file.read_bytes()[:2] == b"#!"
            target.chmod(0o755 if executable else 0o644)
    copy_modules(packages, release, root)
    for program in ("usr/sbin/qemu-ga", "usr/sbin/dropbear"):
        copy_program(packages, program, root)
    demo = crypted("demo", busybox)
    (root / "etc/passwd").write_text(PASSWORD_FILE)
    (root / "etc/group").write_text(GROUP_FILE)
    (root / "etc/shadow").write_text(f"root:!:19000:0:99999:7:::\ndemo:{demo}:19000:0:99999:7:::\n")
    (root / "var/run").symlink_to("/run")  # where login notes who is there, for the agent to tell
    (root / "etc/hostname").write_text("demo\n")
    (root / "etc/profile").write_text(PROFILE)
    (root / "etc/shells").write_text("/bin/sh\n")
    (root / "etc/os-release").write_text('ID=vmconsole-demo\nNAME="vmconsole demo"\nPRETTY_NAME="vmconsole demo"\n')


def cpio(root: Path) -> bytes:
    """The tree in newc format: everything root's, no times, names in order."""
    out = bytearray()
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))
    for number, name in enumerate([*names, "TRAILER!!!"], start=1):
        data, mode = b"", 0
        if name != "TRAILER!!!":
            path = root / name
            seen = path.lstat()
            mode = seen.st_mode
            if stat.S_ISLNK(mode):
                data = str(path.readlink()).encode()
            elif stat.S_ISREG(mode):
                data = path.read_bytes()
        owner = 1000 if name.startswith("home/demo") else 0
        if name == "etc/shadow":
            mode = stat.S_IFREG | 0o600
        if name in ("tmp", "data"):
            mode = stat.S_IFDIR | 0o1777
        fields = (number, mode, owner, owner, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def write(packages: Path, release: str, work: Path, target: Path) -> None:
    root = work / "root"
    shutil.rmtree(root, ignore_errors=True)
    fill(packages, release, root)
    target.write_bytes(gzip.compress(cpio(root), 9, mtime=0))
