"""Manifests from files, folders or standard input: several documents in one, lists taken apart."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vmctl.discovery import Catalogue, Resource
from vmctl.errors import Exit, Failed
from vmctl.words import _

LARGEST = 8 << 20
ENDINGS = (".yaml", ".yml", ".json")
Manifest = dict[str, Any]


def read(files: Iterable[str]) -> list[Manifest]:
    found = [manifest for file in files for place, text in _texts(file) for manifest in documents(text, place)]
    if not found:
        raise Failed(_("There is no manifest in that."), _("Name a file with -f."), Exit.USAGE)
    return found


def _texts(file: str) -> Iterator[tuple[str, str]]:
    if file == "-":
        yield "-", sys.stdin.read(LARGEST + 1)
        return
    path = Path(file)
    inside = sorted(one for one in path.iterdir() if one.suffix in ENDINGS) if path.is_dir() else [path]
    for one in inside:
        try:
            with one.open(encoding="utf-8") as opened:
                yield str(one), opened.read(LARGEST + 1)
        except OSError as error:
            sentence = _("%(file)s cannot be read: %(why)s.") % {"file": one, "why": error.strerror}
            raise Failed(sentence, "", Exit.USAGE) from error
        except UnicodeDecodeError as error:
            raise _bad(one, _("it is not text")) from error


def documents(text: str, place: str = "-") -> Iterator[Manifest]:
    import yaml

    if len(text) > LARGEST:
        raise _bad(place, _("it is larger than 8 MiB"))
    try:
        found = list(yaml.load_all(text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else "?"
        raise _bad(place, _("line %(line)s is not YAML") % {"line": line}) from error
    for document in found:
        if document is not None:
            yield from _opened(document, place)


def _opened(document: Any, place: str) -> Iterator[Manifest]:
    if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _opened(item, place)
        return
    if not isinstance(document, dict) or not document.get("apiVersion") or not document.get("kind"):
        raise _bad(place, _("a manifest has apiVersion, kind, metadata and spec"))
    if not isinstance(document.get("metadata"), dict) or not document["metadata"].get("name"):
        raise _bad(place, _("%(kind)s has no metadata.name") % {"kind": document["kind"]})
    yield document


def _bad(place: object, why: str) -> Failed:
    return Failed(_("%(file)s cannot be taken: %(why)s.") % {"file": place, "why": why}, "", Exit.INVALID)


def resource_of(catalogue: Catalogue, manifest: Manifest) -> Resource:
    return catalogue.of(str(manifest["apiVersion"]), str(manifest["kind"]))


def placed(manifest: Manifest, resource: Resource, namespace: str) -> Manifest:
    """With the namespace it goes to, as kubectl does it: its own, else that of the command."""
    if not resource.namespaced:
        return manifest
    metadata = {"namespace": namespace, **manifest["metadata"]}
    return {**manifest, "metadata": metadata}


def title(resource: Resource, manifest: Manifest) -> str:
    """`virtualmachine.vm.cluster.gke.io/web-1`."""
    return f"{resource.title}/{manifest['metadata']['name']}"
