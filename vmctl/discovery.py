"""What the server has: kinds with their names, asked by aggregated discovery in two requests.

A name is looked up as kubectl does: plural, singular, short name or kind, each with `.group` behind it or not. Where
two groups have the same name, ours is meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from vmctl.client import Api
from vmctl.errors import Exit, Failed
from vmctl.words import _

OURS = ("vm.cluster.gke.io", "networking.gke.io", "")
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


@dataclass(frozen=True)
class Resource:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    singular: str = ""
    short: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def title(self) -> str:
        """As `-o name` writes it."""
        return f"{self.singular or self.plural}.{self.group}" if self.group else self.singular or self.plural

    @property
    def root(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, namespace: str = "", name: str = "") -> str:
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{self.root}{scope}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")

    def names(self) -> set[str]:
        return {self.plural, self.singular, self.kind.lower(), *self.short} - {""}


MACHINE = Resource(
    "vm.cluster.gke.io", "v1", "virtualmachines", "VirtualMachine", True, "virtualmachine", ("gvm", "vm")
)
DISK = Resource(
    "vm.cluster.gke.io", "v1", "virtualmachinedisks", "VirtualMachineDisk", True, "virtualmachinedisk", ("gdisk",)
)
EVENT = Resource("", "v1", "events", "Event", True, "event", ("ev",))
NAMESPACE = Resource("", "v1", "namespaces", "Namespace", False, "namespace", ("ns",))
NODE = Resource("", "v1", "nodes", "Node", False, "node", ("no",))

EVERYDAY = (MACHINE, DISK, EVENT, NAMESPACE, NODE)  # every vmconsole has these: nothing to ask


class Catalogue:
    """Everything that can be asked for, in the order in which names are looked up."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        known = {group: number for number, group in enumerate(OURS)}
        self.resources = sorted(resources, key=lambda one: known.get(one.group, len(known)))

    def find(self, word: str) -> Resource:
        name, _dot, group = word.lower().partition(".")
        for resource in self.resources:
            if name in resource.names() and (not group or resource.group == group):
                return resource
        sentence = _("The server knows no resource “%(word)s”.") % {"word": word}
        raise Failed(sentence, _("See which it knows: vmctl get --help, vmctl explain."), Exit.NOT_FOUND)

    def of(self, api_version: str, kind: str) -> Resource:
        for resource in self.resources:
            if resource.api_version == api_version and resource.kind == kind:
                return resource
        sentence = _("The server knows no %(kind)s in %(version)s.") % {"kind": kind, "version": api_version}
        raise Failed(sentence, _("Check apiVersion and kind of the manifest."), Exit.INVALID)


def discover(api: Api) -> Catalogue:
    found: list[Resource] = []
    for root in ("/apis", "/api"):
        answer = api.get(root, headers={"Accept": AGGREGATED})
        if answer.get("kind") == "APIGroupDiscoveryList":
            found += _aggregated(answer)
        else:
            found += _plain(api, root, answer)
    return Catalogue(found)


def _aggregated(answer: dict[str, Any]) -> Iterable[Resource]:
    for group in answer.get("items", []):
        for version in group.get("versions", []):
            for one in version.get("resources", []):
                kind = (one.get("responseKind") or {}).get("kind", "")
                yield Resource(
                    group.get("metadata", {}).get("name", ""), version["version"], one["resource"], kind,
                    one.get("scope") == "Namespaced", one.get("singularResource", ""),
                    tuple(one.get("shortNames") or ()), tuple(one.get("verbs") or ()),
                )  # fmt: skip


def _plain(api: Api, root: str, answer: dict[str, Any]) -> Iterable[Resource]:
    groups = [("", version) for version in answer.get("versions", [])] if root == "/api" else []
    groups += [
        (group["name"], version["version"]) for group in answer.get("groups", []) for version in group["versions"]
    ]
    for group, version in groups:
        listed = api.get(f"{root}/{group}/{version}" if group else f"{root}/{version}")
        for one in listed.get("resources", []):
            if "/" not in one["name"]:
                yield Resource(
                    group, version, one["name"], one["kind"], bool(one.get("namespaced")),
                    one.get("singularName", ""), tuple(one.get("shortNames") or ()), tuple(one.get("verbs") or ()),
                )  # fmt: skip
