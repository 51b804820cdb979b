"""A configuration that the machine had: to look at beside the one it has, and to bring back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from inventory.differing import differences
from inventory.manifests import dump_yaml, manifest_of
from inventory.rules import Verb
from inventory.services import editing
from inventory.services.asking import require_on
from inventory.services.versions import brought_back, version_of
from inventory.showing import one
from inventory.views.configure import WHEN
from inventory.views.finding import machine
from vmconsole.access.actors import actor_of
from vmconsole.access.views_people import asker


@require_http_methods(["GET", "HEAD", "POST"])
def vm_version(request: HttpRequest, namespace: str, name_: str, number: int) -> HttpResponse:
    """GET: a dialog with what would change. POST: change it, as an edit that says where it comes from."""
    vm = machine(request, namespace, name_)
    if request.method == "POST":
        require_on(asker(request), vm)
    version = version_of(vm, number)
    if request.method != "POST":
        row, wanted = one(request.user, vm), brought_back(vm, version)
        changes = differences(manifest_of(vm, status=False), wanted)
        context = {
            "row": row, "vm": vm, "version": version, "changes": changes, "yaml": dump_yaml(wanted),
            "why_not": row.button(Verb.EDIT.value).why_not, "running": not vm.is_off,
            "restarts": not vm.is_off and any(change.frozen for change in changes),
        }  # fmt: skip
        return render(request, "inventory/vm_version.html", context)
    seen = request.POST.get("generation", "")
    editing.restore(
        asker(request), actor_of(request), vm, version,
        expected_generation=int(seen) if seen.isdecimal() else None,
        when=WHEN.get(request.POST.get("when", ""), "next-start"),
    )  # fmt: skip
    return redirect("inventory:vm_events", namespace, name_)
