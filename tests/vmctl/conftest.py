"""`vmctl` as people run it: a process of its own, against a whole console on the fake runtime."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from tests.running import Console, running_console
from tests.visitors import PASSWORD, Visitor, come_in

ROOT = Path(__file__).resolve().parent.parent.parent
KUBECTL = Path(sys.executable).parent / "kubectl"
PATIENCE = 60


@dataclass
class Vmctl:
    """Somebody's command line: a kubeconfig of their own, and nothing of ours in the environment."""

    kubeconfig: Path
    language: str = "C.UTF-8"
    program: list[str] = field(default_factory=lambda: [sys.executable, "-m", "vmctl"])
    checkout: bool = True

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        told = {"KUBECONFIG": str(self.kubeconfig), "LC_ALL": self.language, "COLUMNS": "200", "TERM": "xterm"}
        return {**kept, **told, "PYTHONSAFEPATH": "1"} | ({"PYTHONPATH": str(ROOT)} if self.checkout else {})

    def __call__(self, *words: object, say: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.program, *map(str, words)], env=self.environment, input=say, capture_output=True, text=True,
            check=False, timeout=PATIENCE * 3,
        )  # fmt: skip

    def ok(self, *words: object, say: str = "") -> str:
        done = self(*words, say=say)
        assert done.returncode == 0, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def yaml(self, *words: object) -> Any:
        return yaml.safe_load(self.ok(*words, "-o", "yaml"))

    def refused(self, *words: object, code: int, say: str = "") -> str:
        """The one sentence of a failure."""
        done = self(*words, say=say)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stderr

    def terminal(self, *words: object) -> pexpect.spawn[str]:
        program, *first = self.program
        return pexpect.spawn(
            program, [*first, *map(str, words)], env=self.environment, encoding="utf-8", timeout=PATIENCE,
            dimensions=(40, 120),
        )  # fmt: skip

    def sign_in(self, url: str, name: str, password: str, *more: str) -> int:
        asked = self.terminal("login", url, *more)
        asked.expect("Name")
        asked.sendline(name)
        asked.expect("Password")
        asked.sendline(password)
        asked.expect(pexpect.EOF)
        asked.close()
        return int(asked.exitstatus or 0)

    def kubectl(self, *words: object, say: str = "") -> str:
        done = subprocess.run(
            [KUBECTL, "--context", "vmconsole", *map(str, words)], env=self.environment, input=say,
            capture_output=True, text=True, check=False, timeout=PATIENCE * 4,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="session")
def pretend() -> Iterator[Console]:
    """A whole console whose machines are pretended."""
    with running_console(VMCONSOLE_RUNTIME="fake") as made:
        yield made


@pytest.fixture(scope="session")
def boss(pretend: Console) -> Visitor:
    return come_in(pretend.url, "admin", pretend.admin_password)


@pytest.fixture(scope="session")
def signed_in(pretend: Console, boss: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Vmctl:
    made = Vmctl(tmp_path_factory.mktemp("kube") / "config")
    assert made.sign_in(pretend.url, boss.name, PASSWORD) == 0
    return made


@pytest.fixture
def vmctl(signed_in: Vmctl) -> Iterator[Vmctl]:
    """Signed in as the administrator. What a test makes is gone after it."""
    yield signed_in
    for kind in ("gvm", "gdisk"):
        names = signed_in.ok("get", kind, "-o", "name").split()
        if names:
            signed_in.ok("delete", *names, "--now", "--yes", "--wait", "--ignore-not-found")
