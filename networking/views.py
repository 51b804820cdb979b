"""The networks' pages: who is plugged in where, with which addresses."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from networking import rules, services
from networking.forms import InterfaceForm, NetworkForm
from networking.models import Network, NetworkInterface
from networking.queries import NETWORKS
from observability import events
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Denied, NotFound, Refused
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.access.views_people import asker
from vmconsole.runtime.models import Node

PER_PAGE = 50


def found(request: HttpRequest, name: str) -> Network:
    network = Network.objects.visible_to(asker(request)).filter(name=name).first()
    if network is None:
        raise NotFound(_("There is no network %(name)s.") % {"name": name})
    return network


def listed(request: HttpRequest) -> QuerySet[Network]:
    rows: QuerySet[Network] = Network.objects.visible_to(asker(request)).annotate(cards=Count("interfaces"))
    return rows


@require_safe
def network_list(request: HttpRequest) -> HttpResponse:
    asked = NETWORKS.asked(request, listed(request))
    context = {**asked.context(asked.page(request)), "may_create": may(request.user, Right.CLUSTER_EDIT, None)}
    return render(request, "networking/network_list.html", context)


@require_safe
def network_export(request: HttpRequest) -> StreamingHttpResponse:
    return NETWORKS.export(request, listed(request))


@require_http_methods(["GET", "HEAD", "POST"])
def network_create(request: HttpRequest) -> HttpResponse:
    user = asker(request)
    form = NetworkForm(request.POST or None, initial={"name": request.GET.get("name", "")})  # a link may name it
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            network = services.create_network(user, actor_of(request), **form.cleaned_data)
            return redirect(network)
        except Refused as refusal:
            if refusal.field not in form.fields:
                raise
            form.add_error(refusal.field, refusal.public)
    if request.method == "POST":
        status = 422
    elif not may(user, Right.CLUSTER_EDIT, None):
        require(user, Right.CLUSTER_EDIT, None)
    bridges = sorted({bridge for node in Node.objects.all() for bridge in node.status_bridges})
    return render(request, "networking/network_form.html", {"form": form, "bridges": bridges}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def network_detail(request: HttpRequest, name: str) -> HttpResponse:
    """The network with its cards. POST prepares a card's identity before its machine."""
    user, network = asker(request), found(request, name)
    editable = namespaces(user, Right.EDIT)
    form = InterfaceForm(request.POST or None, namespaces=editable)
    status = 200
    if request.method == "POST":
        if not editable:
            raise Denied(_("You may not prepare cards in any namespace."))
        status = 422
        if form.is_valid():
            try:
                services.prepare_interface(user, actor_of(request), network=network, **form.cleaned_data)
                return redirect(network)
            except Refused as refusal:
                field = {"macAddress": "mac", "ipAddresses": "address"}.get(refusal.field)
                form.add_error(field, refusal.public)
    cards = NetworkInterface.objects.visible_to(user).filter(network=network).order_by("machine_name", "name")
    context = {
        "network": network,
        "page": Paginator(cards, PER_PAGE).get_page(request.GET.get("page")),
        "hidden": network.interfaces.count() - cards.count(),
        "gateway": rules.gateway(network.spec_cidr) if network.spec_cidr else "",
        "events": events.of(network.uid)[:20],
        "form": form if editable else None,
        "why_not_delete": why_not_delete(request, network),
    }
    return render(request, "networking/network_detail.html", context, status=status)


def why_not_delete(request: HttpRequest, network: Network) -> str:
    if not may(request.user, Right.CLUSTER_EDIT, None):
        return _("Only those who run the cluster may delete networks.")
    if network.predefined:
        return _("It is part of the product and stays.")
    return _("It is in use.") if network.interfaces.exists() else ""


@require_POST
def network_delete(request: HttpRequest, name: str) -> HttpResponse:
    services.delete_network(asker(request), actor_of(request), found(request, name))
    return redirect("networking:network_list")
