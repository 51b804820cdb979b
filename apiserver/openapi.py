"""OpenAPI v3, one document for each group, derived from the kinds' schemas: what `kubectl explain` shows.

kubectl also reads from here which options a verb takes, before it dares to send `fieldValidation` or `dryRun`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import discovery
from apiserver.kinds import KINDS, Kind
from apiserver.metaschema import DELETE_OPTIONS, LIST_META, OBJECT_META, STATUS
from vmconsole.access.errors import NotFound

Schema = dict[str, Any]
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
SHARED = {"ObjectMeta": OBJECT_META, "ListMeta": LIST_META, "Status": STATUS, "DeleteOptions": DELETE_OPTIONS}
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PATCHES = ("application/json-patch+json", "application/merge-patch+json")
LISTING = ("labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch", "allowWatchBookmarks")
CHANGING = ("dryRun", "fieldManager", "fieldValidation")


def prefix(kind: Kind) -> str:
    """`vm.cluster.gke.io` backwards, as the original names the schemas of custom resources."""
    return ".".join([*reversed(kind.group.split(".")), kind.version]) if kind.group else "io.k8s.api.core.v1"


def name_of(kind: Kind) -> str:
    return f"{prefix(kind)}.{kind.name}"


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


@cache
def schemas(kind: Kind) -> dict[str, Schema]:
    """The kind's own schema and those it is made of."""
    own = name_of(kind)
    (top,), parts = msgspec.json.schema_components([kind.schema], ref_template=f"#/components/schemas/{own}.{{name}}")
    found = {f"{own}.{name}": _plain(part) for name, part in parts.items()}
    body = found.pop(top["$ref"].rpartition("/")[2])
    fields = {key: value for key, value in body["properties"].items() if key not in ("apiVersion", "kind", "metadata")}
    standard = {
        "apiVersion": {"type": "string", "description": f"Always {kind.api_version}."},
        "kind": {"type": "string", "description": f"Always {kind.name}."},
        "metadata": {"allOf": [ref(f"{META}.ObjectMeta")], "description": OBJECT_META["description"], "default": {}},
    }
    if kind.status is not None:
        (seen,), more = msgspec.json.schema_components(
            [kind.status], ref_template=f"#/components/schemas/{own}.{{name}}"
        )
        found |= {f"{own}.{name}": _plain(part) for name, part in more.items()}
        fields["status"] = {"allOf": [seen], "description": "What was last seen. Written by the server only."}
    required = [name for name in body.get("required", []) if name in fields]
    found[own] = {
        "type": "object",
        "description": kind.description,
        "properties": standard | fields,
        **({"required": required} if required else {}),
        "x-kubernetes-group-version-kind": [gvk(kind)],
    }
    unused = f"{own}.Metadata"
    found.pop(unused, None)
    found[f"{own}List"] = {
        "type": "object",
        "description": f"A list of {kind.plural}.",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"allOf": [ref(f"{META}.ListMeta")], "default": {}},
            "items": {"type": "array", "items": ref(own)},
        },
        "x-kubernetes-group-version-kind": [{**gvk(kind), "kind": f"{kind.name}List"}],
    }
    return found


def _plain(part: Any) -> Any:
    """msgspec's JSON Schema in the words of OpenAPI 3.0: no null beside a type, no bare object."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    own = ("title", "anyOf", "$ref", "additionalProperties")
    rest = {key: _plain(value) for key, value in part.items() if key not in own}
    if part.get("additionalProperties") not in (None, False):
        rest["additionalProperties"] = _plain(part["additionalProperties"])
    elif rest.get("type") == "object" and "properties" not in rest:
        rest["x-kubernetes-preserve-unknown-fields"] = True
    if rest.get("default", 0) is None:
        del rest["default"]
    if isinstance(rest.get("properties"), dict):
        rest["properties"] = {key: _plain(value) for key, value in part["properties"].items()}
    if "enum" in rest and "type" not in rest:
        rest["type"] = "string"
    target = [part] if "$ref" in part else [each for each in part.get("anyOf", []) if each != {"type": "null"}]
    if not target:
        return rest
    only = {"$ref": target[0]["$ref"]} if "$ref" in target[0] else _plain(target[0])
    if "$ref" not in only:
        return {**only, **rest}
    return {"allOf": [only], **rest} if rest else only


def gvk(kind: Kind) -> Schema:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def paths(kind: Kind) -> dict[str, Schema]:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    inside = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    where = [_parameter("namespace", "path")] if kind.namespaced else []
    many: Schema = {"get": _operation(kind, "list", LISTING), "parameters": where}
    one: Schema = {"get": _operation(kind, "get", ()), "parameters": [*where, _parameter("name", "path")]}
    if kind.create:
        many["post"] = _operation(kind, "post", CHANGING, taken=("application/json", "application/yaml"))
    if kind.update:
        one["put"] = _operation(kind, "put", CHANGING, taken=("application/json", "application/yaml"))
        one["patch"] = _operation(kind, "patch", (*CHANGING, "force"), taken=_patches(kind))
    if kind.delete:
        one["delete"] = _operation(kind, "delete", ("dryRun", "propagationPolicy"))
        many["delete"] = _operation(kind, "deletecollection", (*LISTING[:4], "dryRun", "propagationPolicy"))
    found = {inside: many, f"{inside}/{{name}}": one}
    if kind.namespaced:
        found[f"{root}/{kind.plural}"] = {"get": _operation(kind, "list", LISTING)}
    return found


def _patches(kind: Kind) -> tuple[str, ...]:
    return PATCHES if kind.group else (*PATCHES, "application/strategic-merge-patch+json")


def _parameter(name: str, where: str = "query") -> Schema:
    numbers, yes_or_no = ("limit",), ("watch", "allowWatchBookmarks", "force")
    kind = "integer" if name in numbers else "boolean" if name in yes_or_no else "string"
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}


def _operation(kind: Kind, action: str, options: tuple[str, ...], taken: tuple[str, ...] = ()) -> Schema:
    many = action in ("list", "deletecollection")
    shown = ref(f"{name_of(kind)}List" if many else name_of(kind))
    operation: Schema = {
        "tags": [f"{kind.group or 'core'}_{kind.version}"],
        "operationId": f"{action}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.name}",
        "parameters": [_parameter(name) for name in options],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": shown}}},
            "default": {
                "description": "Refused or failed.",
                "content": {"application/json": {"schema": ref(f"{META}.Status")}},
            },
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk(kind),
    }
    if taken:
        body = OPEN if action == "patch" else ref(name_of(kind))
        operation["requestBody"] = {"required": True, "content": {each: {"schema": body} for each in taken}}
    return operation


@cache
def document(group: str, version: str) -> bytes:
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    if not kinds and (group, version) != ("", "v1"):
        raise NotFound(_("the server could not find the requested resource"))
    components = {f"{META}.{name}": schema for name, schema in SHARED.items()}
    for kind in kinds:
        components |= schemas(kind)
    body = {
        "openapi": "3.0.0",
        "info": {"title": "vmconsole", "version": discovery.VERSION["gitVersion"]},
        "paths": {where: found for kind in kinds for where, found in paths(kind).items()},
        "components": {
            "schemas": components,
            "securitySchemes": {"BearerToken": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"BearerToken": []}],
    }
    return msgspec.json.encode(body)


def index(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    """Where each document is. Its hash is in the address, so a client keeps what it has read."""
    found = {}
    for group, version in dict.fromkeys((kind.group, kind.version) for kind in KINDS):
        where = f"apis/{group}/{version}" if group else f"api/{version}"
        digest = hashlib.sha256(document(group, version)).hexdigest()
        found[where] = {"serverRelativeURL": f"/openapi/v3/{where}?hash={digest}"}
    return HttpResponse(msgspec.json.encode({"paths": found}), content_type="application/json")


def of_group(request: HttpRequest, version: str, group: str = "") -> HttpResponseBase:  # noqa: ARG001
    return HttpResponse(document(group, version), content_type="application/json")
