"""The command line and a real guest: made, logged into, looked at with a VNC viewer that is not ours, gone."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncvnc
import pexpect
import pytest

from tests.running import Console
from tests.visitors import PASSWORD, Visitor
from tests.vmctl.conftest import ROOT, Vmctl

NAME = "by-hand"


@pytest.fixture(scope="module")
def hand(console: Console, admin: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vmctl]:
    """The administrator's command line, and a guest made with it from the demo image."""
    made = Vmctl(tmp_path_factory.mktemp("kube") / "config")
    assert made.sign_in(console.url, admin.name, PASSWORD) == 0
    said = made.ok(
        "create", "vm", NAME, "--image", "demo", "--cpus", 1, "--memory", "192Mi", "--wait", "--timeout", 240
    )
    assert said.splitlines()[-1] == f"virtualmachine.vm.cluster.gke.io/{NAME} is Running."
    yield made
    made.ok("delete", "gvm", NAME, "--now", "--yes", "--wait", "--ignore-not-found")


def test_somebody_logs_in_on_the_serial_console(hand: Vmctl) -> None:
    terminal = hand.terminal("console", NAME)
    terminal.timeout = 180
    terminal.expect("Leave it with")
    terminal.sendline("")
    terminal.expect("login:")
    terminal.sendline("demo")
    terminal.expect("Password:")
    terminal.sendline("demo")
    terminal.expect("demo@")
    terminal.sendline("echo answer-$((6 * 7))")
    terminal.expect("answer-42")
    terminal.send("\x03")  # is the guest's, not ours
    terminal.sendline("stty -a | head -1; echo still-$((1 + 1))")
    terminal.expect("still-2")
    terminal.sendline("exit")
    terminal.expect("login:")
    terminal.send("\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_what_it_printed_is_in_the_log(hand: Vmctl) -> None:
    log = hand.ok("logs", NAME)
    assert "answer-42" in log
    assert len(hand.ok("logs", NAME, "--tail", 2).splitlines()) <= 2
    assert "answer-42" in hand.ok("logs", NAME, "--since", "2h")
    assert hand.ok("logs", NAME, "--until", "2020-01-01T00:00:00Z") == ""


def test_a_vnc_viewer_that_is_not_ours_shows_its_screen(hand: Vmctl) -> None:
    proxy = subprocess.Popen(
        [*hand.program, "vnc", NAME, "--proxy-only"], env=hand.environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert proxy.stdout is not None
        host, _, port = proxy.stdout.readline().strip().partition(":")
        assert host == "127.0.0.1"
        assert asyncio.run(colours(host, int(port))) > 1
        assert asyncio.run(colours(host, int(port))) > 1  # and a second viewer
    finally:
        proxy.terminate()
        proxy.wait(10)


async def colours(host: str, port: int) -> int:
    async with asyncio.timeout(60), asyncvnc.connect(host, port) as client:
        picture = await client.screenshot()
        return len({tuple(pixel) for row in picture[::4, ::4] for pixel in row.tolist()})


def test_a_picture_of_its_screen_is_a_file(hand: Vmctl, tmp_path: Path) -> None:
    file = tmp_path / "screen.png"
    assert hand.ok("screenshot", NAME, "-f", file).strip() == str(file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_its_figures_are_on_top(hand: Vmctl) -> None:
    (row,) = [row for row in hand.yaml("top", "--once") if row["name"] == NAME]
    assert row["memory_given_bytes"] == 192 << 20


def test_the_guides_machine_lives_by_kubectl_alone(hand: Vmctl, tmp_path: Path) -> None:
    """What docs/guide.md shows, word for word."""
    (manifest,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/guide.md").read_text(), flags=re.DOTALL)
    file = tmp_path / "web.yaml"
    file.write_text(manifest)
    assert hand.kubectl("apply", "-f", file).count("created") == 2
    running = ("wait", "gvm/web-1", "--for=jsonpath={.status.state}=Running", "--timeout=200s")
    hand.kubectl(*running)
    assert hand.kubectl("diff", "-f", file) == ""
    assert {line.split()[-1] for line in hand.kubectl("apply", "-f", file).splitlines()} == {"unchanged"}
    assert "Running" in hand.kubectl("get", "gvm", "web-1")
    hand.kubectl("patch", "gvm", "web-1", "--type", "merge", "-p", '{"spec":{"runningState":"Stopped"}}')
    hand.kubectl("wait", "gvm/web-1", "--for=jsonpath={.status.state}=Stopped", "--timeout=200s")
    hand.kubectl("apply", "-f", file)  # which says Running
    hand.kubectl(*running)
    hand.kubectl("delete", "gvm", "web-1", "--timeout=100s")
    assert "web-1-boot" not in hand.kubectl("get", "gdisk", "-o", "name")
    hand.refused("get", "gvm", "web-1", code=6)


def test_nothing_of_it_is_left(hand: Vmctl) -> None:
    hand.ok("delete", "gvm", NAME, "--now", "--yes", "--wait")
    hand.refused("get", "gvm", NAME, code=6)
    assert f"{NAME}-boot" not in hand.ok("get", "gdisk", "-o", "name")
    assert hand.refused("console", NAME, code=2)  # no terminal here
    assert hand.terminal("console", NAME).expect("not found") == 0
