"""`scripts/test`, once everything is there: the checks side by side, then the tests on PostgreSQL, then all tests.

A failing check does not hide what the tests would say, so everything runs; what failed is named before the last run,
whose closing line is the last one, and counts in the exit code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from prepare import ROOT, node_folder

BIN = Path(sys.executable).parent
PACKAGES = ("vmconsole", "inventory", "networking", "storage", "observability", "scripts", "tests", "manage.py")
WITHOUT_MACHINES = "not libvirt and not e2e"


class Check(NamedTuple):
    name: str
    commands: tuple[tuple[str | Path, ...], ...]
    folder: Path = ROOT


class Outcome(NamedTuple):
    name: str
    passed: bool
    seconds: float
    said: str


def environment() -> dict[str, str]:
    found = {key: value for key, value in os.environ.items() if not key.startswith("VMCONSOLE_")}
    folder = node_folder()
    found["PATH"] = os.pathsep.join(filter(None, [str(BIN), str(folder or ""), found["PATH"]]))
    found["VMCONSOLE_STATE"] = os.environ["VMCONSOLE_STATE"]
    return found


def checks() -> list[Check]:
    python, front = sys.executable, ROOT / "frontend"
    manage = (python, "manage.py")
    return [
        Check("types", (("mypy",),)),
        Check("front end", (("npm", "run", "check"), ("npm", "test"), ("npm", "run", "budget")), front),
        Check("style", (("ruff", "check", "."), ("ruff", "format", "--check", "."))),
        Check("imports", (("lint-imports",),)),
        Check("settings", ((*manage, "check", "--fail-level", "WARNING"),)),
        Check("migrations", ((*manage, "makemigrations", "--check", "--dry-run"),)),
    ]


def run_one(check: Check) -> Outcome:
    begun, said = time.monotonic(), ""
    for command in check.commands:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=check.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        said += done.stdout
        if done.returncode:
            return Outcome(check.name, False, time.monotonic() - begun, said)
    return Outcome(check.name, True, time.monotonic() - begun, said)


def run_checks() -> list[str]:
    failed = []
    with ThreadPoolExecutor(2) as pool:
        for outcome in pool.map(run_one, checks()):
            print(f"{'passed' if outcome.passed else 'FAILED'}  {outcome.name}  ({outcome.seconds:.0f} s)", flush=True)
            if not outcome.passed:
                print(outcome.said, flush=True)
                failed.append(outcome.name)
    return failed


@contextmanager
def postgresql() -> Iterator[str]:
    """A cluster of our own on a socket of its own; its URL. Nothing of the host's PostgreSQL is touched."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="vmc-pg-", dir="/tmp"))
    shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    server = [str(programs / "pg_ctl"), "-D", str(data), "-w", "-s"]
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=200"
    try:
        as_postgres(programs / "initdb", "-D", data, "-U", "vmconsole", "-A", "trust", "--no-sync", "-E", "UTF8")
        as_postgres(*server, "-l", folder / "log", "-o", options, "start")
        yield f"postgresql://vmconsole@/vmconsole?host={folder}"
    finally:
        as_postgres(*server, "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def as_postgres(*command: str | Path, check: bool = True) -> None:
    subprocess.run(
        [str(word) for word in command],
        user="postgres",
        group="postgres",
        extra_groups=[],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=check,
    )


def pytest(*arguments: str, **told: str) -> int:
    print(f"\n== pytest {' '.join(arguments)}", flush=True)
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**environment(), **told}, check=False).returncode


def on_postgresql() -> list[str]:
    with postgresql() as url:
        code = pytest("-q", "--database-only", "-m", WITHOUT_MACHINES, VMCONSOLE_DATABASE_URL=url)
    return ["tests on PostgreSQL"] if code else []


def everything(*, quick: bool) -> int:
    failed = run_checks()
    failed += on_postgresql()
    if failed:
        print(f"\nFAILED so far: {', '.join(failed)}", flush=True)
    code = pytest(*(("-m", WITHOUT_MACHINES) if quick else ()), "--durations=15")
    return code or bool(failed)


def in_own_state(action: Callable[[], int]) -> int:
    """Nothing here may look at, or write to, the state of a console that people use."""
    with tempfile.TemporaryDirectory(prefix="vmc-test-", dir="/tmp") as folder:
        os.environ["VMCONSOLE_STATE"] = folder
        return action()


def main() -> None:
    parser = argparse.ArgumentParser(description="Check and test everything.")
    parser.add_argument("--quick", action="store_true", help="without libvirt and without a browser")
    options, rest = parser.parse_known_args()
    if rest:
        sys.exit(in_own_state(lambda: pytest(*rest)))
    sys.exit(in_own_state(lambda: everything(quick=options.quick)))


if __name__ == "__main__":
    main()
