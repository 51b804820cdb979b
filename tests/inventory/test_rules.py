"""When what may be asked, and what a manifest must make of itself."""

from typing import Any

import msgspec
import pytest

from inventory.rules import Subject, Verb, problems, why_not
from inventory.schema import VirtualMachineSpec
from vmconsole.runtime.types import Can, Power

RUNNING = Subject(power=Power.ON)
OFF = Subject(power=Power.OFF)
PAUSED = Subject(power=Power.PAUSED)


@pytest.mark.parametrize(
    ("verb", "vm", "says"),
    [
        (Verb.START, OFF, ""),
        (Verb.START, RUNNING, "running already"),
        (Verb.START, PAUSED, "Resume it"),
        (Verb.STOP, RUNNING, ""),
        (Verb.STOP, OFF, "not running"),
        (Verb.STOP, PAUSED, ""),
        (Verb.PAUSE, RUNNING, ""),
        (Verb.PAUSE, OFF, "not running"),
        (Verb.RESUME, PAUSED, ""),
        (Verb.RESUME, RUNNING, "not paused"),
        (Verb.RESET, RUNNING, ""),
        (Verb.RESET, OFF, "not running"),
        (Verb.RESTART, Subject(power=Power.CRASHED), "not running"),
        (Verb.STOP, Subject(power=Power.ON, declared="Running"), "declared “Running”"),
        (Verb.RESTART, Subject(power=Power.ON, declared="Running"), ""),
        (Verb.START, Subject(power=Power.OFF, declared="Stopped"), "declared “Stopped”"),
        (Verb.STOP, Subject(power=Power.ON, busy=Verb.START), "Another operation"),
        (Verb.FORCE_STOP, Subject(power=Power.ON, busy=Verb.STOP), ""),
        (Verb.EDIT, Subject(power=None, busy=Verb.CREATE, made=False), ""),
        (Verb.EDIT, Subject(power=Power.ON, busy=Verb.CREATE), "Another operation"),
        (Verb.EDIT, Subject(power=Power.ON, busy=Verb.EDIT), ""),
        (Verb.EDIT, Subject(power=Power.ON, busy=Verb.RESTART), "Another operation"),
        (Verb.FORCE_STOP, Subject(power=Power.ON, busy=Verb.EDIT), "Another operation"),
        (Verb.DELETE, Subject(power=Power.ON, busy=Verb.START), ""),
        (Verb.DELETE, Subject(power=Power.ON, protected=True), "protected"),
        (Verb.DELETE, Subject(power=Power.ON, deleting=True), "being deleted"),
        (Verb.EDIT, Subject(power=Power.ON, managed=False), "Adopt it"),
        (Verb.START, Subject(power=Power.OFF, managed=False), ""),
        (Verb.ADOPT, RUNNING, "already"),
        (Verb.ADOPT, Subject(power=Power.ON, managed=False), ""),
        (Verb.PAUSE, Subject(power=Power.ON, can=Can.RESET), "cannot do that"),
    ],
)
def test_why_not(verb: Verb, vm: Subject, says: str) -> None:
    sentence = why_not(verb, vm)
    assert says in sentence
    assert bool(sentence) == bool(says)


def spec(**fields: Any) -> VirtualMachineSpec:
    return msgspec.convert(fields, VirtualMachineSpec)


BOOT = {"virtualMachineDiskName": "root", "boot": True}


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"disks": [BOOT, BOOT | {"virtualMachineDiskName": "data"}]}, "spec.disks", "Two disks are marked"),
        ({"disks": [{"virtualMachineDiskName": "root"}]}, "spec.disks", "No disk is marked"),
        ({"disks": [BOOT, {"virtualMachineDiskName": "root"}]}, "spec.disks", "listed twice"),
        (
            {"compute": {"virtualMachineTypeName": "small", "cpu": {"vcpus": 2}}},
            "spec.compute.virtualMachineTypeName",
            "not both",
        ),
        ({"compute": {"memory": {"capacity": "0"}}}, "spec.compute.memory.capacity", "between 1M and 1Ti"),
        ({"compute": {"memory": {"capacity": "2T"}}}, "spec.compute.memory.capacity", "between 1M and 1Ti"),
        ({"compute": {"memory": {"capacity": "512K"}}}, "spec.compute.memory.capacity", "not a size"),
        ({"compute": {"memory": {"capacity": "much"}}}, "spec.compute.memory.capacity", "not a size"),
        (
            {"compute": {"advancedCompute": {"dedicatedCpuPlacement": True}}},
            "spec.compute.advancedCompute.dedicatedCpuPlacement",
            "guaranteed",
        ),
        (
            {"interfaces": [{"name": "eth0", "networkName": "a"}, {"name": "eth1", "networkName": "b"}]},
            "spec.interfaces",
            "exactly one must be the default",
        ),
        (
            {
                "interfaces": [
                    {"name": "eth0", "networkName": "a", "default": True},
                    {"name": "eth1", "networkName": "a"},
                ]
            },
            "spec.interfaces",
            "Each needs a network",
        ),
        (
            {"interfaces": [{"name": "eth0", "networkName": "a", "macAddress": "01:00:5e:00:00:01"}]},
            "spec.interfaces[0].macAddress",
            "group address",
        ),
        (
            {"cloudInit": {"noCloud": {"userData": "a", "secretRef": {"name": "b"}}}},
            "spec.cloudInit.noCloud",
            "user data once",
        ),
    ],
)
def test_a_spec_that_makes_no_sense(given: dict[str, Any], field: str, says: str) -> None:
    (found,) = problems(spec(**given))
    assert found.field == field
    assert says in found.sentence


@pytest.mark.parametrize(
    "given",
    [
        {"compute": {"cpu": {"vcpus": 97}}},
        {"compute": {"cpu": {"vcpus": 0}}},
        {"compute": {"cpu": {"vcpus": "two"}}},
        {"disks": [{"virtualMachineDiskName": "root", "bot": True}]},
        {"interfaces": [{"name": "eth0", "networkName": "a", "macAddress": "zz:00:00:00:00:00"}]},
        {"runningState": "On"},
    ],
)
def test_a_spec_out_of_the_schema(given: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        spec(**given)


def test_all_problems_are_said_at_once() -> None:
    found = problems(spec(compute={"memory": {"capacity": "0"}}, disks=[{"virtualMachineDiskName": "x"}]))
    assert {each.field for each in found} == {"spec.compute.memory.capacity", "spec.disks"}
