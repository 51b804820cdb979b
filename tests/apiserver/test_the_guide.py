"""What docs/kubectl.md promises, done as it says: a real kubectl, a real host, and nothing left at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running import Console
from tests.visitors import PASSWORD, Visitor, wait_for

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/kubectl.md").read_text()
EXAMPLE = "docs/examples/web.yaml"
RESTART = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/web-1/restart"


@pytest.fixture(scope="module")
def bridge(console: Console) -> Iterator[None]:
    """The host's own bridge, where the console's libvirt is."""
    for words in (["link", "add", "br0", "type", "bridge"], ["link", "set", "br0", "up"]):
        subprocess.run(["ip", "-n", console.netns, *words], check=True)
    yield
    subprocess.run(["ip", "-n", console.netns, "link", "delete", "br0"], check=True)


class Shell:
    """Somebody's terminal: what they type has to be in the guide."""

    def __init__(self, kubeconfig: Path) -> None:
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # kubectl is where Python is
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "NO_PROXY": "*", "PATH": tools}

    def __call__(self, command: str) -> str:
        assert command in GUIDE, f"the guide does not say: {command}"
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def shell(console: Console, admin: Visitor, tmp_path: Path) -> Shell:
    """Signed in as `vmctl login` does it; it asks for the password on a terminal, so a token made of one is given."""
    asked = {"username": admin.name, "password": PASSWORD, "name": "guide"}
    made = httpx.post(f"{console.url}api/v1/login", json=asked, trust_env=False)
    assert made.status_code in (200, 201), made.text
    kubeconfig = tmp_path / "kubeconfig"
    login = [str(ROOT / "scripts/vmctl"), "login", console.url, "--token-stdin"]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "NO_PROXY": "*"}
    done = subprocess.run(
        login, input=made.json()["token"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Shell(kubeconfig)


def test_from_nothing_to_a_machine_and_back(shell: Shell, console: Console, bridge: None, tmp_path: Path) -> None:
    shell("kubectl config use-context vmconsole")
    assert "kubectl get gvm -w" in GUIDE
    seen = tmp_path / "seen"
    with seen.open("w") as file:
        watch = subprocess.Popen(["/bin/sh", "-c", "exec kubectl get gvm -w"], env=shell.environment, stdout=file)
    try:
        assert shell(f"kubectl apply -f {EXAMPLE}").count("created") == 3
        shell("kubectl wait gvm/web-1 --for=jsonpath='{.status.state}'=Running")
        wait_for(lambda: "Running" in seen.read_text(), why=seen.read_text)
    finally:
        watch.terminate()
        watch.wait()
    states = [line.split()[1] for line in seen.read_text().splitlines()[1:]]
    assert states[0] in ("Pending", "Provisioning"), states
    assert [state for number, state in enumerate(states) if state not in states[:number]][-2:] == [
        "Starting",
        "Running",
    ], states
    listed = shell("kubectl get gvm,gdisk,gnet,gnic -o wide")
    assert "lab" in listed and "pod-network" in listed and listed.count("web-1") >= 4
    assert "Running" in shell("kubectl describe gvm web-1")
    assert shell(f"kubectl diff -f {EXAMPLE}") == ""
    assert shell(f"kubectl apply -f {EXAMPLE}").count("unchanged") == 3

    shell("""kubectl patch gvm web-1 --type merge -p '{"spec":{"autoRestartOnConfigurationChange":true}}'""")
    shell("""kubectl patch gvm web-1 --type merge -p '{"spec":{"compute":{"memory":{"capacity":"256Mi"}}}}'""")
    shell("kubectl wait gvm/web-1 --for=condition=ConfigurationSynced")
    shell("kubectl wait gvm/web-1 --for=jsonpath='{.status.state}'=Running")
    assert "262144 KiB" in console.virsh("dominfo", "default_web-1")
    before = console.guest("default_web-1")
    shell(f"echo '{{}}' | kubectl replace --raw {RESTART} -f -")
    wait_for(lambda: console.guest("default_web-1") not in (0, before), why="another QEMU process")

    shell(f"kubectl delete -f {EXAMPLE}")
    assert console.guests() == []
    assert "default_web-1" not in console.virsh("list", "--all")
    assert list((console.state / "disks").iterdir()) == []
    for table in ("inventory_virtualmachine", "storage_virtualmachinedisk", "networking_networkinterface"):
        assert console.rows(f"SELECT name FROM {table}") == []
    assert console.rows("SELECT name FROM networking_network") == [("pod-network",)]
