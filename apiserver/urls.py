"""The doors of the resources, made from the kinds: what a kind does not offer has no door.

Every URL names its kind (`apiserver:virtualmachines`, `…_all`, `…_item`), so that each is a row of the doors' table.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from apiserver import collections, discovery, openapi, openapi_v2, reviews, subresources
from apiserver.door import door
from apiserver.kinds import KINDS, Kind
from apiserver.objects import item

app_name = "apiserver"


def doors_of(kind: Kind) -> list[URLPattern]:
    """Every address of a kind's objects."""
    root = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
    make = ("POST",) if kind.create else ()
    many = ("DELETE",) if kind.delete else ()
    change = ("PUT", "PATCH") if kind.update else ()

    @door(("GET", *make, *many), kind=kind)
    def collection(request: HttpRequest, namespace: str = "") -> HttpResponseBase:
        return collections.collection(request, kind, namespace)

    @door(("GET",), kind=kind)
    def everywhere(request: HttpRequest) -> HttpResponseBase:
        return collections.collection(request, kind, "")

    @door(("GET", *change, *many), kind=kind)
    def one(request: HttpRequest, name: str, namespace: str = "") -> HttpResponseBase:
        return item(request, kind, namespace, name)

    label = kind.door or kind.plural
    if not kind.namespaced:
        return [
            path(f"{root}/{kind.plural}", collection, name=label),
            path(f"{root}/{kind.plural}/<str:name>", one, name=f"{label}_item"),
        ]
    inside = f"{root}/namespaces/<str:namespace>/{kind.plural}"
    return [
        path(f"{root}/{kind.plural}", everywhere, name=f"{label}_all"),
        path(inside, collection, name=label),
        path(f"{inside}/<str:name>", one, name=f"{label}_item"),
    ]


seen, asked = door(("GET",)), door(("POST",))
AUTHORIZATION, AUTHENTICATION = "apis/authorization.k8s.io/v1", "apis/authentication.k8s.io/v1"

urlpatterns = [
    path("api", seen(discovery.core), name="core"),
    path("apis", seen(discovery.named), name="groups"),
    path("apis/<str:group>", seen(discovery.group), name="group"),
    path("apis/<str:group>/<str:version>", seen(discovery.resources), name="resources"),
    path("api/<str:version>", seen(discovery.resources), {"group": ""}, name="core_resources"),
    path("version", door(("GET",), strangers=True)(discovery.version), name="version"),
    path(f"{AUTHORIZATION}/selfsubjectaccessreviews", asked(reviews.access_review), name="reviews_access"),
    path(f"{AUTHORIZATION}/selfsubjectrulesreviews", asked(reviews.rules_review), name="reviews_rules"),
    path(f"{AUTHENTICATION}/selfsubjectreviews", asked(reviews.subject_review), name="reviews_subject"),
    path("openapi/v2", seen(openapi_v2.old), name="openapi_old"),
    path("openapi/v3", seen(openapi.index), name="openapi"),
    path("openapi/v3/api/<str:version>", seen(openapi.of_group), name="openapi_core"),
    path("openapi/v3/apis/<str:group>/<str:version>", seen(openapi.of_group), name="openapi_group"),
    *(pattern for kind in KINDS for pattern in doors_of(kind)),
    *subresources.doors(),
    # Last: what nobody knows is said in words that clients of this API understand.
    path("apis/<path:rest>", seen(discovery.nothing), name="nothing"),
    path("openapi/<path:rest>", seen(discovery.nothing), name="no_document"),
]
