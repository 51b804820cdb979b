"""“May I?” and “who am I?”: what `kubectl auth can-i` and `kubectl auth whoami` ask."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver.answers import encoded
from apiserver.bodies import body_of
from apiserver.kinds import KINDS, Kind, asking_in, of_resource
from apiserver.status import BadRequest
from vmconsole.access.models import User
from vmconsole.access.rights import Right, everywhere, may, namespaces

READS = frozenset({"get", "list", "watch"})
SCREENS = frozenset({"console", "vnc", "vnc/screenshot"})
SUBRESOURCES = "subresources.kubevirt.io"


def access_review(request: HttpRequest) -> HttpResponseBase:
    asking = asking_in(request)
    body = body_of(request)
    spec = body.get("spec")
    if not isinstance(spec, dict):
        raise BadRequest(_("spec must be an object."), field="spec")
    wanted = spec.get("resourceAttributes")
    allowed = _allowed(asking.user, wanted) if isinstance(wanted, dict) else _readable(spec)
    answer = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec}
    return encoded({**answer, "status": {"allowed": allowed}}, status=201)


def _readable(spec: dict[str, Any]) -> bool:
    """Discovery and the documents are for everybody who is known."""
    wanted = spec.get("nonResourceAttributes")
    if not isinstance(wanted, dict) or wanted.get("verb") not in ("get", "head"):
        return False
    return str(wanted.get("path", "")).startswith(("/api", "/apis", "/openapi", "/version", "/healthz"))


def _allowed(user: User, wanted: dict[str, Any]) -> bool:
    verb, namespace = str(wanted.get("verb", "")), str(wanted.get("namespace") or "")
    group, plural = str(wanted.get("group") or ""), str(wanted.get("resource", ""))
    below = str(wanted.get("subresource") or "")
    if group == SUBRESOURCES:
        return _holds(user, Right.CONSOLE if below in SCREENS else Right.EDIT, namespace)
    if "*" in (group, plural, verb):
        return may(user, Right.CLUSTER_EDIT, None)
    kind = of_resource(group, plural)
    if kind is None or verb not in kind.verbs or below:
        return False
    return allows(user, kind, verb, namespace)


def allows(user: User, kind: Kind, verb: str, namespace: str) -> bool:
    """Whether the door would open. Without a namespace: for the cluster, or for every namespace there is."""
    if not kind.namespaced:
        if verb not in READS:
            return may(user, kind.edit, None)
        return may(user, Right.CLUSTER_VIEW, None) or (kind.name != "Node" and bool(namespaces(user)))
    right = Right.VIEW if verb in READS else Right.DELETE_MANY if verb == "deletecollection" else kind.edit
    return _holds(user, right, namespace)


def _holds(user: User, right: Right, namespace: str) -> bool:
    return may(user, right, namespace) if namespace else everywhere(user, right)


def rules_review(request: HttpRequest) -> HttpResponseBase:
    asking = asking_in(request)
    spec = body_of(request).get("spec")
    namespace = str(spec.get("namespace") or "") if isinstance(spec, dict) else ""
    rules = [
        {"verbs": verbs, "apiGroups": [kind.group], "resources": [kind.plural]}
        for kind in KINDS
        if (verbs := [verb for verb in kind.verbs if allows(asking.user, kind, verb, namespace)])
    ]
    found = {"resourceRules": rules, "nonResourceRules": [_DOCUMENTS], "incomplete": False}
    answer = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
    return encoded({**answer, "spec": {"namespace": namespace}, "status": found}, status=201)


_DOCUMENTS = {
    "verbs": ["get"],
    "nonResourceURLs": [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/openapi/*",
        "/version",
        "/healthz",
        "/livez",
        "/readyz",
    ],
}


def subject_review(request: HttpRequest) -> HttpResponseBase:
    asking = asking_in(request)
    who = {"username": asking.user.get_username(), "uid": str(asking.user.pk), "groups": ["system:authenticated"]}
    answer = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}}
    return encoded({**answer, "status": {"userInfo": who}}, status=201)
