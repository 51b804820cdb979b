"""Manifest to rows to manifest: nothing is lost, and patches of any shape end in an object or in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apiserver.kinds import Asking, of_resource
from apiserver.patches import JSON_PATCH, MERGE, Patch, merged
from apiserver.status import of_error
from tests.people import make_people
from vmconsole.access.actors import Actor
from vmconsole.access.errors import Declined

GROUP = "vm.cluster.gke.io"
names = st.from_regex(r"[a-z]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
words = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
metadata = st.fixed_dictionaries(
    {"name": names, "namespace": st.just("a")},
    optional={
        "labels": st.dictionaries(words, words, min_size=1),
        "annotations": st.dictionaries(words, words, min_size=1),
    },
)
compute = st.fixed_dictionaries(
    {
        "cpu": st.fixed_dictionaries({"vcpus": st.integers(1, 96)}),
        "memory": st.fixed_dictionaries({"capacity": st.sampled_from(["512Mi", "4Gi", "4G"])}),
    },
    optional={"guaranteed": st.just(True), "machineChipSet": st.sampled_from(["q35", "pc"])},
)
disks = st.lists(names, max_size=4, unique=True).map(
    lambda found: [
        {"virtualMachineDiskName": name, **({"boot": True} if not at else {"driver": "sata"})}
        for at, name in enumerate(found)
    ]
)
cards = st.lists(names, max_size=3, unique=True).map(
    lambda found: [
        {"name": f"eth{at}", "networkName": name, **({"default": True} if not at else {})}
        for at, name in enumerate(found)
    ]
)
machines = st.fixed_dictionaries(
    {"compute": compute},
    optional={
        "disks": disks.filter(bool),
        "interfaces": cards.filter(bool),
        "runningState": st.sampled_from(["Running", "Stopped"]),
        "osType": st.sampled_from(["Linux", "Windows"]),
        "autoRestartOnConfigurationChange": st.just(True),
        "firmware": st.fixed_dictionaries({"bootloader": st.just({"type": "uefi", "enableSecureBoot": False})}),
        "scheduling": st.just({"nodeSelector": {"zone": "a"}}),
    },
)
networks = st.fixed_dictionaries(
    {"nodeInterfaceMatcher": st.fixed_dictionaries({"interfaceName": words}), "type": st.just("L2")},
    optional={
        "l2NetworkConfig": st.fixed_dictionaries({"vlanID": st.integers(1, 4094), "prefixLength4": st.integers(1, 32)}),
        "externalDHCP4": st.just(True),
        "gateway4": st.just("10.0.0.1"),
        "routes": st.just([{"to": "10.30.0.0/16"}]),
        "dnsConfig": st.just({"nameservers": ["10.0.0.53"], "searches": ["lab"]}),
        "networkLifecycle": st.sampled_from(["AnthosManaged", "UserManaged"]),
        "IPAMMode": st.sampled_from(["Internal", "External"]),
    },
)
types = st.fixed_dictionaries(
    {"cpu": st.fixed_dictionaries({"vcpus": st.integers(1, 96)}), "memory": st.just({"capacity": "4Gi"})},
    optional={"guaranteed": st.just(True), "advancedCompute": st.just({"hugePageSize": "2Mi"})},
)
volumes = st.fixed_dictionaries(
    {"size": st.sampled_from(["10Gi", "4096Mi", "20G"])}, optional={"storageClassName": words}
)
CASES: list[tuple[str, str, Any]] = [
    (GROUP, "virtualmachines", machines),
    (GROUP, "virtualmachinetypes", types),
    (GROUP, "virtualmachinedisks", volumes),
    ("networking.gke.io", "networks", networks),
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


class Whole(TestCase):
    """Each example in a transaction of its own."""

    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(CASES), st.data())
    def test_nothing_is_lost(self, case: tuple[str, str, Any], data: Any) -> None:
        group, plural, specs = case
        kind = of_resource(group, plural)
        assert kind and kind.create
        with transaction.atomic():
            asking = Asking(make_people().erin, Actor(user_id=None, name="test"))
            about = data.draw(metadata)
            if not kind.namespaced:
                about.pop("namespace")
            spec = data.draw(specs)
            manifest = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": about, "spec": spec}
            row = kind.create(asking, manifest)
            shown = kind.to_manifest(type(row).objects.get(pk=row.pk))
            transaction.set_rollback(True)
        assert shown["spec"] == spec
        assert {key: shown["metadata"].get(key) for key in about} == about


@given(anything, anything)
def test_a_merge_is_what_rfc_7396_says(target: Any, patch: Any) -> None:
    result = merged(target, patch)
    if not isinstance(patch, dict):
        assert result == patch
    else:
        assert isinstance(result, dict)
        assert all(key not in result for key, value in patch.items() if value is None)
        assert all(result[key] == value for key, value in patch.items() if not isinstance(value, dict | None))


operations = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "fly"]),
            "path": st.sampled_from(
                ["", "/", "/spec", "/spec/0", "/metadata/labels/x", "/spec/disks/-", "spec", "/~2"]
            ),
            "from": st.sampled_from(["/spec", "/nothing", ""]),
            "value": anything,
        },
    ),
    max_size=5,
)


def outcome(patch: Patch) -> int:
    """200 for an object, or the status of the refusal."""
    try:
        result = patch.applied({"metadata": {"labels": {}}, "spec": {"disks": []}})
    except Declined as refusal:
        return int(of_error(refusal, {})["code"])
    return 200 if isinstance(result, dict) else 500


@settings(deadline=None)
@given(operations)
def test_any_json_patch_ends_in_an_object_or_a_sentence(patch: list[dict[str, Any]]) -> None:
    assert outcome(Patch(JSON_PATCH, patch)) in (200, 400, 422)


@given(anything)
def test_any_merge_patch_ends_in_an_object_or_a_sentence(patch: Any) -> None:
    assert outcome(Patch(MERGE, patch)) in (200, 400, 422)


@pytest.mark.parametrize("depth", [65, 900])
def test_a_patch_that_nests_too_deep_is_refused(depth: int) -> None:
    deep: Any = {}
    for _level in range(depth):
        deep = {"a": deep}
    with pytest.raises(Declined):
        Patch(MERGE, deep).applied({})
