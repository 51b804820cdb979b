"""`kubectl get -w`: every state of a machine passes by, as people see it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.apiserver.conftest import Kubectl
from tests.hosts import wait_until
from tests.people import MINE

MACHINE = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: vm1, labels: {app: web}}
spec:
  compute: {cpu: {vcpus: 1}, memory: {capacity: 256Mi}}
  interfaces:
  - {name: eth0, networkName: pod-network}
"""


class Shown:
    """What kubectl has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines: list[list[str]] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.split())

    def states(self) -> list[str]:
        """Each state once, in the order that they came."""
        found = [words[1] for words in self.lines if words and words[0] != "NAME"]
        return [state for number, state in enumerate(found) if number == 0 or found[number - 1] != state]

    def reaches(self, *states: str) -> None:
        wait_until(lambda: subsequence(states, self.states()), seconds=30, what=f"{states}, not {self.lines}")


def subsequence(wanted: tuple[str, ...], found: list[str]) -> bool:
    left = iter(found)
    return all(state in left for state in wanted)


def ask(kubectl: Kubectl, verb: str) -> None:
    """A power verb, as virtctl asks for it."""
    where = f"/apis/subresources.kubevirt.io/v1/namespaces/{MINE}/virtualmachines/vm1/{verb}"
    kubectl("replace", "--raw", where, "-f", "-", stdin="{}")


@contextmanager
def watched(kubectl: Kubectl, *words: str) -> Iterator[Shown]:
    process = subprocess.Popen(
        [kubectl.program, "--kubeconfig", str(kubectl.config), "get", *words, "-w"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "HOME": str(kubectl.config.parent), "KUBECACHEDIR": str(kubectl.config.parent)},
    )  # fmt: skip
    try:
        yield Shown(process)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.usefixtures("working")
def test_each_state_of_a_life(carols: Kubectl) -> None:
    with watched(carols, "gvm") as all_, watched(carols, "gvm", "-l", "app=web") as web:
        carols("apply", "-f", "-", stdin=MACHINE)
        all_.reaches("Starting", "Running")
        ask(carols, "stop")
        all_.reaches("Starting", "Running", "Stopping", "Stopped")
        ask(carols, "start")
        all_.reaches("Starting", "Running", "Stopping", "Stopped", "Starting", "Running")
        carols("delete", "gvm", "vm1")
        all_.reaches("Starting", "Running", "Stopping", "Stopped", "Starting", "Running", "Terminating")
        web.reaches("Starting", "Running", "Stopping", "Stopped", "Starting", "Running", "Terminating")
    header = [words for words in all_.lines if words and words[0] == "NAME"]
    assert header == [["NAME", "STATUS", "AGE", "IP"]]


@pytest.mark.usefixtures("working")
def test_wait_and_one_by_name(carols: Kubectl) -> None:
    carols("apply", "-f", "-", stdin=MACHINE)
    carols("wait", "gvm/vm1", "--for=jsonpath={.status.state}=Running", "--timeout=20s")
    with watched(carols, "gvm", "vm1", "-o", "wide") as one, watched(carols, "vmi") as instance:
        one.reaches("Running")
        wait_until(lambda: any("Running" in words for words in instance.lines), what="the instance")
        carols("delete", "gvm", "vm1", "--wait=false")
        carols("wait", "gvm/vm1", "--for=delete", "--timeout=20s")
        one.reaches("Running", "Terminating")
