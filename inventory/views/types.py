"""Machine types: named sizes, for everybody to choose and for those who run the cluster to make."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from inventory.forms import TypeForm
from inventory.manifests import Invalid, dump_yaml, parse_type, type_manifest
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.services import types
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, Refused
from vmconsole.access.rights import Right, may, require
from vmconsole.access.views_people import asker

FIELDS = {
    "metadata.name": "name",
    "spec.cpu.vcpus": "vcpus",
    "spec.memory.capacity": "memory",
}


@require_safe
def type_list(request: HttpRequest) -> HttpResponse:
    using = VirtualMachine.objects.filter(spec_type_name=OuterRef("name")).order_by().values("spec_type_name")
    used = Coalesce(Subquery(using.annotate(number=Count("uid")).values("number")), 0)
    rows = VirtualMachineType.objects.annotate(used=used).order_by("name")
    may_edit = may(request.user, Right.CLUSTER_EDIT, None)
    return render(request, "inventory/type_list.html", {"types": rows, "may_edit": may_edit})


@require_http_methods(["GET", "HEAD", "POST"])
def type_create(request: HttpRequest) -> HttpResponse:
    require(request.user, Right.CLUSTER_EDIT, None)
    initial = {"name": request.GET.get("name", ""), "vcpus": 2, "memory": "4Gi"}
    return edited(request, None, initial)


@require_http_methods(["GET", "HEAD", "POST"])
def type_detail(request: HttpRequest, name: str) -> HttpResponse:
    """Look at one, and change it where that is allowed."""
    if request.method == "POST":
        require(request.user, Right.CLUSTER_EDIT, None)
    shape = found(name)
    initial = {
        "name": shape.name,
        "vcpus": shape.spec_vcpus,
        "memory": shape.spec_memory,
        "guaranteed": shape.spec_guaranteed,
    }
    return edited(request, shape, initial)


def found(name: str) -> VirtualMachineType:
    shape = VirtualMachineType.objects.filter(name=name).first()
    if shape is None:
        raise NotFound(_("There is no machine type %(name)s.") % {"name": name[:80]})
    return shape


def edited(request: HttpRequest, shape: VirtualMachineType | None, initial: dict[str, object]) -> HttpResponse:
    form = TypeForm(request.POST or None, initial=initial, existing=shape)
    if request.method == "POST" and form.is_valid():
        try:
            manifest = parse_type(form.manifest())
            types.save_type(asker(request), actor_of(request), manifest, existing=shape)
            return redirect("inventory:type_list")
        except Invalid as invalid:
            for path, sentence in invalid.problems:
                form.add_error(FIELDS.get(path), sentence)
        except Refused as refusal:
            form.add_error(FIELDS.get(refusal.field), refusal.public)
    context: dict[str, Any] = {"form": form, "shape": shape, "why_not": why_not(request, shape)}
    if shape:
        context["users"] = VirtualMachine.objects.visible_to(asker(request)).filter(spec_type_name=shape.name)[:20]
        context["yaml"] = dump_yaml(type_manifest(shape))
    return render(request, "inventory/type_form.html", context, status=422 if form.errors else 200)


def why_not(request: HttpRequest, shape: VirtualMachineType | None) -> str:
    if not may(request.user, Right.CLUSTER_EDIT, None):
        return _("Only those who run the cluster may change machine types.")
    if shape and shape.predefined:
        return _("It is predefined: it comes back as it was. Copy it under another name.")
    return ""


@require_http_methods(["POST"])
def type_delete(request: HttpRequest, name: str) -> HttpResponse:
    types.delete_type(asker(request), actor_of(request), found(name))
    return redirect("inventory:type_list")
