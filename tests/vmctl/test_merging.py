"""The three-way merge: what apply changes, and what it leaves to others."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vmctl import merging

leaves = st.one_of(st.integers(0, 3), st.text("ab", max_size=2), st.booleans(), st.lists(st.integers(0, 2), max_size=2))
trees = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(leaves, lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=8),
    max_size=4,
)


def thing(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "one"}, "spec": spec}


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, word for word."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = merged(target.get(key), value)
    return target


def without_empty(tree: Any) -> Any:
    """Empty mappings say nothing: a merge patch cannot make one where there was one already."""
    if not isinstance(tree, dict):
        return tree
    return {key: value for key, inner in tree.items() if (value := without_empty(inner)) != {}}


@given(trees, trees)
def test_after_apply_it_is_as_the_manifest_says(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    live = merging.annotated(thing(before))
    after = merged(live, merging.patch(live, thing(wanted)))
    assert without_empty(after["spec"]) == without_empty(wanted)


@given(trees, trees)
def test_a_second_apply_changes_nothing(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    live = merging.annotated(thing(before))
    after = merged(live, merging.patch(live, thing(wanted)))
    assert merging.patch(after, thing(wanted)) == {}


@given(trees)
def test_what_the_server_filled_in_is_no_drift(wanted: dict[str, Any]) -> None:
    live = merging.annotated(thing(wanted))
    live["spec"] = {**live["spec"], "filledIn": {"by": "the server"}}
    live["status"] = {"state": "Running"}
    live["metadata"] = {**live["metadata"], "uid": "1", "resourceVersion": "7"}
    assert merging.patch(live, thing(wanted)) == {}


def test_a_field_that_is_no_longer_written_goes() -> None:
    live = merging.annotated(thing({"mine": 1, "kept": 2}))
    live["spec"]["theirs"] = 3
    patch = merging.patch(live, thing({"kept": 2}))
    assert patch["spec"] == {"mine": None}


def test_the_note_is_kubectls_own() -> None:
    noted = merging.annotated(thing({"a": 1}))
    assert merging.last_applied(noted)["spec"] == {"a": 1}
    assert list(noted["metadata"]["annotations"]) == ["kubectl.kubernetes.io/last-applied-configuration"]
