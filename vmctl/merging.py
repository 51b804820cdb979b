"""Three-way merge, as `kubectl apply` does it: what I wrote last time, what I write now, what is there.

The note of last time is kubectl's own annotation, so that the two can take turns on one object. Fields that others or
the server filled in are nobody's drift: only what the manifest says, or said and no longer says, is changed. Pure.
"""

from __future__ import annotations

import json
from typing import Any

from vmctl.errors import Exit, Failed
from vmctl.words import _

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
Tree = dict[str, Any]


def annotated(manifest: Tree) -> Tree:
    """The manifest with itself noted in it."""
    bare = without_note(manifest)
    metadata = bare["metadata"]
    note = json.dumps({**bare, "metadata": {"annotations": {}, **metadata}}, separators=(",", ":"), sort_keys=True)
    annotations = {**(metadata.get("annotations") or {}), LAST_APPLIED: note + "\n"}
    return {**bare, "metadata": {**metadata, "annotations": annotations}}


def without_note(thing: Tree) -> Tree:
    metadata = dict(thing.get("metadata") or {})
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED}
    if metadata.get("annotations") is not None:
        metadata["annotations"] = annotations
    if not annotations:
        metadata.pop("annotations", None)
    return {**thing, "metadata": metadata}


def last_applied(live: Tree) -> Tree:
    """What was applied last, {} when it came about in another way."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not text:
        return {}
    try:
        told = json.loads(text)
    except ValueError as error:
        sentence = _("The note of what was applied last cannot be read: the annotation %(name)s.")
        fix = _("Remove the annotation and apply again.")
        raise Failed(sentence % {"name": LAST_APPLIED}, fix, Exit.CONFLICT) from error
    return told if isinstance(told, dict) else {}


def patch(live: Tree, wanted: Tree) -> Tree:
    """The JSON merge patch that makes `live` what the manifest says; {} when it is."""
    bare = without_note(wanted)
    before = without_note(last_applied(live) or {"metadata": {}})
    changed = _joined(_removed(before, bare, live), _added(live, bare))
    changed.pop("status", None)
    if not changed and _same_note(live, bare):
        return {}
    return _joined(changed, {"metadata": {"annotations": {LAST_APPLIED: _note(wanted)}}})


def _note(manifest: Tree) -> str:
    return str(annotated(manifest)["metadata"]["annotations"][LAST_APPLIED])


def _same_note(live: Tree, bare: Tree) -> bool:
    """Applied by whichever client: what it says counts, not how it is spelt."""
    before = last_applied(live)
    return bool(before) and without_note(before) == bare


def _added(live: Tree, wanted: Tree) -> Tree:
    """What the manifest says and is not so."""
    found: Tree = {}
    for key, value in wanted.items():
        there = live.get(key)
        change = value if value != there else None
        if isinstance(value, dict) and isinstance(there, dict):
            change = _added(there, value) or None
        if change is not None:
            found[key] = change
    return found


def _removed(before: Tree, wanted: Tree, live: Tree) -> Tree:
    """What the manifest said last time, says no longer, and is still there."""
    found: Tree = {}
    for key in before.keys() & live.keys():
        if wanted.get(key) is None:
            found[key] = None
        elif all(isinstance(tree[key], dict) for tree in (before, wanted, live)):
            found |= {key: inner} if (inner := _removed(before[key], wanted[key], live[key])) else {}
    return found


def _joined(one: Tree, two: Tree) -> Tree:
    joined = dict(one)
    for key, value in two.items():
        both = isinstance(value, dict) and isinstance(joined.get(key), dict)
        joined[key] = _joined(joined[key], value) if both else value
    return joined
