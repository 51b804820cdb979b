"""One command's view of the server: the API, the namespace, and objects by their names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from vmctl import kubeconfig
from vmctl.client import Api
from vmctl.discovery import EVERYDAY, MACHINE, Catalogue, Resource, discover
from vmctl.errors import usage
from vmctl.words import _

PAGE = 500
MERGE_PATCH = "application/merge-patch+json"


class Session:
    def __init__(self, context: str = "", namespace: str = "") -> None:
        self.context = kubeconfig.read(context)
        self.namespace = namespace or self.context.namespace
        self.api = Api(self.context)

    @cached_property
    def catalogue(self) -> Catalogue:
        return discover(self.api)

    def resource(self, word: str) -> Resource:
        """The kind of that name. Only for those that not every server has, the server is asked."""
        known = next((one for one in EVERYDAY if word.lower() in one.names()), None)
        return known or self.catalogue.find(word)

    def get(self, resource: Resource, name: str, namespace: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(resource.path(namespace or self.namespace, name))
        return found

    def machine(self, name: str) -> dict[str, Any]:
        return self.get(MACHINE, machine_name(name))

    def list(self, resource: Resource, namespace: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """Every object of the kind, page after page. An empty namespace is all of them."""
        for page in self.list_pages(resource, namespace, **query):
            for item in page.get("items") or []:
                # Kubernetes leaves out of a list's items what the list says once.
                yield {"apiVersion": resource.api_version, "kind": resource.kind, **item}

    def list_pages(
        self, resource: Resource, namespace: str = "", *, accept: str = "application/json", **query: str
    ) -> Iterator[dict[str, Any]]:
        params = {key: value for key, value in query.items() if value} | {"limit": str(PAGE)}
        while True:
            page = self.api.get(resource.path(namespace), params=params, headers={"Accept": accept})
            yield page
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return
            params["continue"] = more

    def create(self, resource: Resource, manifest: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        namespace = (manifest.get("metadata") or {}).get("namespace") or self.namespace
        made: dict[str, Any] = self.api.json("POST", resource.path(namespace), params=query, json=manifest)
        return made

    def patch(
        self, resource: Resource, namespace: str, name: str, patch: dict[str, Any], *, dry_run: bool = False
    ) -> dict[str, Any]:
        import json

        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry_run else {})
        made: dict[str, Any] = self.api.json(
            "PATCH", resource.path(namespace, name), params=query,
            content=json.dumps(patch), headers={"Content-Type": MERGE_PATCH},
        )  # fmt: skip
        return made


def machine_name(text: str) -> str:
    """`web-1`, or `vm/web-1` as lists print it."""
    kind, slash, name = text.partition("/")
    if not slash:
        return text
    if kind.partition(".")[0] not in MACHINE.names() or not name:
        raise usage(_("“%(text)s” is not a virtual machine.") % {"text": text}, _("Write its name only."))
    return name
