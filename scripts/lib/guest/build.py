#!/usr/bin/env python3
"""Build the demo image, a tiny real Linux, out of the distribution's own packages; print where it is.

    build.py CACHE_DIR      -> CACHE_DIR/demo-<key>.qcow2

Kernel, busybox, guest agent, SSH server and GRUB are downloaded with `apt-get download` and only unpacked, never
installed. The key is a hash of their versions and of these sources: the next call finds the image and takes no time.
Standard library only; needs no root.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import disk
import initrd

HERE = Path(__file__).resolve().parent
# The distribution's small kernel for virtual machines, by the first name that is known here.
KERNELS = ("linux-image-cloud-amd64", "linux-image-virtual", "linux-image-amd64")
PROGRAMS = ("busybox-static", "qemu-guest-agent", "dropbear-bin", "grub-common", "grub-pc-bin", "grub-efi-amd64-bin")


def show(package: str) -> dict[str, str]:
    """The package's record, the version that would be installed; empty when it is unknown."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", package], check=False, capture_output=True, text=True
    )
    return dict(re.findall(r"^(\S+): (.*)$", shown.stdout, re.MULTILINE))


def dependencies(package: str, pattern: str) -> list[str]:
    names = re.split(r"[,|]", show(package).get("Depends", ""))
    return [name.split()[0] for name in names if re.match(pattern, name.strip())]


def kernel_packages() -> list[str]:
    for meta in KERNELS:
        images = dependencies(meta, r"linux-image-")
        if images:
            return [images[0], *dependencies(images[0], r"linux-modules-\d")]
    raise SystemExit("No kernel package is known here. Run `apt-get update` as root and try again.")


def wanted() -> dict[str, str]:
    """Package name -> version."""
    names = [*kernel_packages(), *PROGRAMS, *dependencies("dropbear-bin", r"libtom")]
    versions = {name: show(name).get("Version", "") for name in names}
    unknown = [name for name, version in versions.items() if not version]
    if unknown:
        raise SystemExit(f"Not known here: {', '.join(unknown)}. Run `apt-get update` as root and try again.")
    return versions


def key(versions: dict[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(versions.items())).encode())
    for file in sorted(HERE.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(HERE)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def unpack(versions: dict[str, str], cache: Path, target: Path) -> None:
    downloads = cache / "packages"
    downloads.mkdir(exist_ok=True)
    # apt writes a version's colon as %3a, and downloads nothing that is there already.
    subprocess.run(
        ["apt-get", "download", "-qq", *(f"{name}={version}" for name, version in versions.items())],
        cwd=downloads,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    for name, version in versions.items():
        package = next(downloads.glob(f"{name}_{version.replace(':', '%3a')}_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, target], check=True)


def build(versions: dict[str, str], cache: Path, image: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        work = Path(folder)
        packages = work / "packages"
        unpack(versions, cache, packages)
        kernel = next((packages / "boot").glob("vmlinuz-*"))
        files = work / "initrd.gz"
        initrd.write(packages, kernel.name.removeprefix("vmlinuz-"), work, files)
        draft = work / "demo.qcow2"
        disk.write(packages, kernel, files, work, draft)
        for old in cache.glob("demo-*.qcow2"):
            old.unlink()
        shutil.move(draft, image)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: build.py CACHE_DIR")
    cache = Path(sys.argv[1]).resolve()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would both download
        versions = wanted()
        image = cache / f"demo-{key(versions)}.qcow2"
        if not image.exists():
            build(versions, cache, image)
    print(image)


if __name__ == "__main__":
    main()
