"""Nodes: what the host has, what is used of it, and what its checks say."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from inventory.models import VirtualMachine
from inventory.search import NODE_WORDS
from inventory.showing import shown
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, require
from vmconsole.access.views_people import asker
from vmconsole.lists import Listing
from vmconsole.runtime.models import Node, Runtime

MOST = 50
NODES = Listing("nodes", NODE_WORDS, sorts={"name": ("name", "pk")})


@require_safe
def node_list(request: HttpRequest) -> HttpResponse:
    require(request.user, Right.CLUSTER_VIEW, None)
    asked = NODES.asked(request, Node.objects.select_related("runtime"))
    page = asked.page(request)
    context = {**asked.context(page), "nodes": page.object_list, "runtimes": Runtime.objects.order_by("name")}
    return render(request, "inventory/node_list.html", context)


@require_safe
def node_detail(request: HttpRequest, name: str) -> HttpResponse:
    require(request.user, Right.CLUSTER_VIEW, None)
    node = Node.objects.select_related("runtime").filter(name=name).first()
    if node is None:
        raise NotFound(_("There is no node %(name)s.") % {"name": name[:80]})
    vms = VirtualMachine.objects.visible_to(asker(request)).filter(status_node=node.name)
    running = vms.exclude(status_power__in=["", "off", "crashed"]).order_by("name")
    context = {"node": node, "rows": shown(request.user, running[:MOST]), "running": running.count()}
    return render(request, "inventory/node_detail.html", context)
