"""What there is: groups, versions, resources and their verbs, in the plain and in the aggregated form."""

from __future__ import annotations

import platform
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import subresources
from apiserver.answers import encoded
from apiserver.consoles import GROUP, VERSIONS
from apiserver.kinds import KINDS, Kind, groups
from vmconsole.access.errors import NotFound

AGGREGATED = "apidiscovery.k8s.io"
VERSION = {
    "major": "1",
    "minor": "34",  # whose behaviour we follow; clients compare it with their own
    "gitVersion": "v1.34.0+vmconsole",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "",
    "goVersion": "",
    "compiler": f"python{platform.python_version()}",
    "platform": f"linux/{platform.machine()}",
}
# What is asked and answered at once, and kept nowhere.
REVIEWS = {
    ("authorization.k8s.io", "v1"): (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ),
    ("authentication.k8s.io", "v1"): (("selfsubjectreviews", "SelfSubjectReview"),),
}


def all_groups() -> list[tuple[str, str]]:
    return [*groups(), *REVIEWS, *((GROUP, version) for version in VERSIONS)]


def wants_aggregated(request: HttpRequest) -> str:
    """The version of the aggregated form that this client asks for first, "" when it wants the plain one."""
    for wanted in (request.META.get("HTTP_ACCEPT") or "").split(","):
        parameters = dict(part.strip().split("=", 1) for part in wanted.split(";")[1:] if "=" in part)
        if parameters.get("g") == AGGREGATED and parameters.get("as") == "APIGroupDiscoveryList":
            if parameters.get("v") in ("v2", "v2beta1"):
                return parameters["v"]
        elif wanted.split(";")[0].strip() in ("application/json", "*/*"):
            return ""
    return ""


def core(request: HttpRequest) -> HttpResponseBase:
    version = wants_aggregated(request)
    if version:
        return aggregated(version, {"": ["v1"]})
    address = {"clientCIDR": "0.0.0.0/0", "serverAddress": request.get_host()}
    return encoded({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [address]})


def named(request: HttpRequest) -> HttpResponseBase:
    version = wants_aggregated(request)
    if version:
        return aggregated(version, _by_group())
    found = [_group(name, versions) for name, versions in _by_group().items()]
    return encoded({"kind": "APIGroupList", "apiVersion": "v1", "groups": found})


def group(request: HttpRequest, group: str) -> HttpResponseBase:  # noqa: ARG001
    versions = _by_group().get(group)
    if versions is None:
        raise NotFound(_("the server could not find the requested resource"))
    return encoded({"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)})


def _by_group() -> dict[str, list[str]]:
    """Versions of each group, the preferred one first."""
    found: dict[str, list[str]] = {}
    for name, version in all_groups():
        found.setdefault(name, []).append(version)
    return found


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    shown = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": shown, "preferredVersion": shown[0]}


def resources(request: HttpRequest, group: str, version: str) -> HttpResponseBase:  # noqa: ARG001
    found = [_resource(kind) for kind in KINDS if (kind.group, kind.version) == (group, version)]
    for plural, name in REVIEWS.get((group, version), ()):
        found.append({"name": plural, "singularName": "", "namespaced": False, "kind": name, "verbs": ["create"]})
    if group == GROUP and version in VERSIONS:
        found = subresources.resources()
    if not found and (group, version) != ("", "v1"):
        raise NotFound(_("the server could not find the requested resource"))
    name = f"{group}/{version}" if group else version
    return encoded({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found})


def _resource(kind: Kind) -> dict[str, Any]:
    found = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": kind.verbs,
        "shortNames": list(kind.short_names),
        "categories": list(kind.categories),
    }
    return {key: value for key, value in found.items() if value != []}


def aggregated(version: str, wanted: dict[str, list[str]]) -> HttpResponseBase:
    items = [_aggregated_group(group, versions) for group, versions in wanted.items()]
    body = {"kind": "APIGroupDiscoveryList", "apiVersion": f"{AGGREGATED}/{version}", "metadata": {}, "items": items}
    response = encoded(body)
    response["Content-Type"] = f"application/json;g={AGGREGATED};v={version};as=APIGroupDiscoveryList"
    response["Vary"] = "Accept"
    return response


def _aggregated_group(group: str, versions: list[str]) -> dict[str, Any]:
    shown = [_aggregated_version(group, version) for version in versions]
    return {"metadata": {"name": group} if group else {}, "versions": shown}


def _aggregated_version(group: str, version: str) -> dict[str, Any]:
    found = [_aggregated_resource(kind) for kind in KINDS if (kind.group, kind.version) == (group, version)]
    for plural, name in REVIEWS.get((group, version), ()):
        kind = {"group": group, "version": version, "kind": name}
        found.append(
            {"resource": plural, "responseKind": kind, "scope": "Cluster", "singularResource": "", "verbs": ["create"]}
        )
    return {"version": version, "resources": found, "freshness": "Current"}


def _aggregated_resource(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": kind.verbs,
    }
    more = {"shortNames": list(kind.short_names), "categories": list(kind.categories)}
    return {**found, **{key: value for key, value in more.items() if value}}


def version(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    return encoded(VERSION)


def nothing(request: HttpRequest, rest: str) -> HttpResponseBase:  # noqa: ARG001
    raise NotFound(_("the server could not find the requested resource"))
