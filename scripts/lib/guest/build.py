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
import json
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


def show(*packages: str) -> dict[str, dict[str, str]]:
    """The packages' records, of the versions that would be installed. One call for all: each takes apt a second."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", *packages], check=False, capture_output=True, text=True
    )
    records = [dict(re.findall(r"^(\S+): (.*)$", text, re.MULTILINE)) for text in shown.stdout.split("\n\n")]
    return {record["Package"]: record for record in records if "Package" in record}


def dependencies(record: dict[str, str], pattern: str) -> list[str]:
    names = re.split(r"[,|]", record.get("Depends", ""))
    return [name.split()[0] for name in names if re.match(pattern, name.strip())]


def wanted() -> dict[str, str]:
    """Package name -> version."""
    known = show(*KERNELS, *PROGRAMS)
    images = [image for meta in KERNELS for image in dependencies(known.get(meta, {}), r"linux-image-\S*\d")]
    if not images or not set(PROGRAMS) <= set(known):
        missing = ", ".join(sorted({"linux-image"} if not images else set(PROGRAMS) - set(known)))
        raise SystemExit(f"Packages are not known here: {missing}. Run `apt-get update` as root and try again.")
    more = [images[0], *dependencies(known["dropbear-bin"], r"libtom")]
    known |= show(*more)
    modules = dependencies(known[images[0]], r"linux-modules-\d")
    known |= show(*modules) if modules else {}
    return {name: known[name]["Version"] for name in [*PROGRAMS, *more, *modules]}


def sources() -> str:
    digest = hashlib.sha256()
    for file in sorted(HERE.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(HERE)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def key(versions: dict[str, str]) -> str:
    return hashlib.sha256(repr(sorted(versions.items())).encode() + sources().encode()).hexdigest()[:12]


def circumstances() -> dict[str, str]:
    """While these are the same, the image is the same, and apt need not be asked."""
    return {"sources": sources(), "lists": str(Path("/var/lib/apt/lists").stat().st_mtime_ns)}


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
        print(current(cache))


def current(cache: Path) -> Path:
    note, now = cache / "current.json", circumstances()
    known = json.loads(note.read_text()) if note.exists() else {}
    if known and known["circumstances"] == now and (cache / known["image"]).exists():
        return cache / known["image"]
    versions = wanted()
    image = cache / f"demo-{key(versions)}.qcow2"
    if not image.exists():
        build(versions, cache, image)
    note.write_text(json.dumps({"circumstances": now, "image": image.name}))
    return image


if __name__ == "__main__":
    main()
