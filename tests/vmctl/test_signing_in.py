"""Signing in on a terminal, tokens, and what every failure says and ends with."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
import yaml

from tests.running import Console
from tests.visitors import PASSWORD, Visitor
from tests.vmctl.conftest import Vmctl


def test_login_writes_a_context_that_kubectl_takes(pretend: Console, vmctl: Vmctl) -> None:
    written = yaml.safe_load(vmctl.kubeconfig.read_text())
    assert written["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")
    assert stat.S_IMODE(vmctl.kubeconfig.stat().st_mode) == 0o600
    assert "virtualmachines" in vmctl.kubectl("api-resources")
    vmctl.kubectl("get", "gvm")


def test_login_again_goes_by_https_at_once(pretend: Console, vmctl: Vmctl, tmp_path: Path) -> None:
    """A password never goes over http where there is another door."""
    fresh = Vmctl(tmp_path / "config")
    asked = fresh.terminal("login", pretend.url)
    asked.expect("Name")
    asked.sendline("admin")
    asked.expect("Password")
    asked.sendline(PASSWORD)
    asked.expect("Signed in to https://127.0.0.1")
    asked.wait()
    assert PASSWORD not in (asked.before or "") and "vmc_" not in (asked.before or "")


def test_a_wrong_password_writes_nothing(pretend: Console, boss: Visitor, tmp_path: Path) -> None:
    stranger = Vmctl(tmp_path / "config")
    assert stranger.sign_in(pretend.url, "nobody-here", "wrong") == 4
    assert not stranger.kubeconfig.exists()


def test_a_one_time_password_is_for_the_browser(pretend: Console, boss: Visitor, tmp_path: Path) -> None:
    once = boss.one_time_password("newcomer", ("view", "default"))
    newcomer = Vmctl(tmp_path / "config")
    assert newcomer.sign_in(pretend.url, "newcomer", once) == 5
    assert not newcomer.kubeconfig.exists()


def test_without_a_terminal_nobody_is_asked(pretend: Console, tmp_path: Path) -> None:
    said = Vmctl(tmp_path / "config").refused("login", pretend.url, code=2)
    assert "--token-stdin" in said


def test_a_token_is_made_used_and_revoked(pretend: Console, vmctl: Vmctl, tmp_path: Path) -> None:
    made = vmctl("token", "create", "reader", "--rights", "read", "--only-namespace", "default")
    raw = made.stdout.strip()
    assert re.fullmatch(r"vmc_\w+", raw)
    assert "only now" in made.stderr
    program = Vmctl(tmp_path / "config")
    said = program.ok("login", pretend.url, "--token-stdin", say=raw + "\n")
    assert raw not in said
    program.ok("get", "gvm")
    refused = program.refused("create", "disk", "no", "--size", "1Gi", code=5)
    assert "Ask an administrator" in refused or "token" in refused
    assert "reader" in vmctl.ok("token", "list")
    assert raw not in vmctl.ok("token", "list", "-o", "json")
    vmctl.ok("token", "revoke", "reader", "--yes")
    assert "vmctl login" in program.refused("get", "gvm", code=4)


def test_status_tells_where_and_who(pretend: Console, vmctl: Vmctl) -> None:
    told = vmctl.yaml("status")
    assert told["user"] == "admin"
    assert told["context"] == "vmconsole"
    assert "Signed in as" in vmctl.ok("status")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("get", "gvm", "nobody"), 6, "nobody"),
        (("get", "spaceships"), 6, "spaceships"),
        (("strat", "web-1"), 2, "strat"),
        (("get", "gvm", "--output", "xml"), 2, "xml"),
        (("get", "gvm/web-1", "gdisk"), 2, "KIND/NAME"),
        (("start", "gdisk/data"), 2, "virtual machine"),
        (("apply", "-f", "/no/such/file"), 2, "/no/such/file"),
        (("get", "gvm", "--context", "elsewhere"), 4, "vmctl login"),
        (("login", "ftp://console.example"), 2, "address"),
        (("login", "https://u:p@console.example"), 2, "Leave names"),
        (("login", "http://console.example"), 2, "--plain-http"),
        (("console", "web-1"), 2, "terminal"),
        (("ssh", "-oProxyCommand=x@web-1"), 2, ""),
    ],
)
def test_every_failure_has_its_code_and_says_what_to_do(
    vmctl: Vmctl, words: tuple[str, ...], code: int, says: str
) -> None:
    said = vmctl.refused(*words, code=code)
    assert says in said


def test_a_server_that_is_not_there_is_one_sentence(vmctl: Vmctl, tmp_path: Path) -> None:
    lost = Vmctl(tmp_path / "config")
    lost.kubeconfig.write_text(re.sub(r"https://127.0.0.1:\d+", "https://127.0.0.1:9", vmctl.kubeconfig.read_text()))
    said = lost.refused("get", "gvm", code=3)
    assert said.count("\n") == 1
    assert "that the console runs" in said


def test_a_server_with_another_certificate_gets_no_token(vmctl: Vmctl, tmp_path: Path) -> None:
    careful = Vmctl(tmp_path / "config")
    kept = yaml.safe_load(vmctl.kubeconfig.read_text())
    del kept["clusters"][0]["cluster"]["certificate-authority-data"]
    careful.kubeconfig.write_text(yaml.safe_dump(kept))
    assert "certificate" in careful.refused("get", "gvm", code=3).lower()
