"""All of a kind at once: list and watch them, make one, delete many."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from apiserver import answers, deleting, lists, watch
from apiserver.kinds import Kind, asking_in
from apiserver.objects import created
from apiserver.reading import seen_in
from apiserver.status import BadRequest
from vmconsole.access.rights import Right, require

MOST_AT_ONCE = 1000  # one transaction; a client asks again for the rest


def collection(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:
    if request.method == "GET":
        if request.GET.get("watch") in ("1", "true"):
            return watch.watch(request, kind, namespace)
        return lists.listed(request, kind, namespace)
    if request.method == "POST":
        return created(request, kind, namespace)
    return _delete_many(request, kind, namespace)


def _delete_many(request: HttpRequest, kind: Kind, namespace: str) -> HttpResponseBase:
    """Whatever the selectors leave. All of it or nothing: the first that may not go keeps the others too."""
    asking = asking_in(request)
    seen_in(asking, kind, namespace)
    require(asking.user, Right.DELETE_MANY if namespace else Right.CLUSTER_EDIT, namespace or None)
    query, wanted = lists.query_of(request, asking, kind, namespace), deleting.wanted_of(request)
    with transaction.atomic():
        rows = list(query.rows[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            raise BadRequest(_("More than %(most)s would be deleted. Select fewer.") % {"most": MOST_AT_ONCE})
        items = [kind.to_manifest(row) for row in rows]
        for row in rows:
            deleting.deleted(asking, kind, row, wanted)
        transaction.set_rollback(wanted.dry_run)
    body = {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {"resourceVersion": query.version}}
    return answers.encoded({**body, "items": items})
