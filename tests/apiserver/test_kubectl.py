"""What people type at kubectl, typed at the real one."""

from __future__ import annotations

import pytest

from tests.apiserver.conftest import Kubectl

SMALL = """
apiVersion: vm.cluster.gke.io/v1
kind: VirtualMachine
metadata: {name: vm1}
spec:
  compute: {cpu: {vcpus: 1}, memory: {capacity: 256Mi}}
  interfaces:
  - {name: eth0, networkName: pod-network}
"""


@pytest.mark.usefixtures("working")
def test_a_machine_comes_and_goes(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 created\n"
    kubectl("wait", "gvm/vm1", "--for=jsonpath={.status.state}=Running", "--timeout=20s")
    shown = kubectl("get", "gvm")
    assert shown.split()[:4] == ["NAME", "STATUS", "AGE", "IP"] and "Running" in shown
    assert kubectl("apply", "-f", "-", stdin=SMALL) == "virtualmachine.vm.cluster.gke.io/vm1 unchanged\n"
    kubectl("delete", "gvm", "vm1", "--wait=false")
