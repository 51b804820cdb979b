"""The door to a namespace's quota, for those who run the cluster. Everybody sees it in the list of namespaces."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from vmconsole.access import configuration, quota
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound
from vmconsole.access.forms import QUOTA_FIELDS, QuotaForm
from vmconsole.access.models import Namespace
from vmconsole.access.rights import Right, require
from vmconsole.access.views_people import asker


@require_http_methods(["GET", "HEAD", "POST"])
def quota_change(request: HttpRequest, namespace: str) -> HttpResponse:
    """Set, change or lift the limits."""
    require(request.user, Right.CLUSTER_EDIT, namespace)
    if not Namespace.objects.filter(name=namespace).exists():
        raise NotFound(_("There is nothing here that you can see."))
    limits = quota.limits_of(namespace)
    form = QuotaForm(request.POST if request.method == "POST" else None, limits=limits)
    if form.is_valid():
        configuration.set_limits(asker(request), actor_of(request), namespace, form.hard())
        return redirect("access:namespace_list")
    shares = quota.shares(limits, quota.used([namespace])[namespace])
    lines = [(form[QUOTA_FIELDS[share.counted]], share) for share in shares]
    context = {"namespace": namespace, "form": form, "lines": lines}
    return render(request, "access/quota_form.html", context, status=422 if form.errors else 200)
