"""Two configurations of a machine side by side, field by field. Pure.

Disks and cards are told apart by their names and not by their place, so that one that was taken away is one line and
not a shift of all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from inventory.rules import LIVE
from inventory.schema import VirtualMachineSpec

NAMED_BY = ("virtualMachineDiskName", "name")
HEADS = {field.encode_name: field.name for field in structs.fields(VirtualMachineSpec)}
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field. None: it is not there. `frozen`: a running machine takes it at its next start only."""

    path: str
    before: str | None
    after: str | None
    frozen: bool = False


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """What is in one and not, or otherwise, in the other, in the order of the fields' names."""
    old, new = dict(leaves(_told(before))), dict(leaves(_told(after)))
    return [
        Difference(path, old.get(path), new.get(path), is_frozen(path))
        for path in sorted({*old, *new})
        if old.get(path) != new.get(path)
    ]


def is_frozen(path: str) -> bool:
    """Whether the field is hardware, which does not change under a running machine."""
    root, _dot, rest = path.partition(".")
    head = rest.partition(".")[0].partition("[")[0]
    return root == "spec" and HEADS.get(head, head) not in LIVE


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field with its path, such as `spec.disks[web-1-boot].boot`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{_name(item, number)}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(_text, value))
    else:
        yield path, _text(value)


def _told(manifest: Manifest) -> Manifest:
    """What people write, without what says nothing: an empty text is the same as none."""
    metadata = manifest.get("metadata", {})
    kept = {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}
    return {"metadata": kept, "spec": _slim(manifest.get("spec", {}))}


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        thin = {key: _slim(item) for key, item in value.items()}
        return {key: item for key, item in thin.items() if item not in ("", None, [], {}) and item is not False}
    return [_slim(item) for item in value] if isinstance(value, list) else value


def _name(item: Manifest, number: int) -> str:
    return next((str(item[key]) for key in NAMED_BY if item.get(key)), str(number))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
