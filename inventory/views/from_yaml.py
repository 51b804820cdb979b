"""Create a machine from its manifest, for those who have one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from inventory import composing
from inventory.manifests import Invalid, load_yaml, parse_machine
from inventory.models import VirtualMachine
from inventory.rules import Problem
from inventory.services import making
from inventory.views.filling import forms_of
from storage.manifests import KIND as KIND_OF_DISK
from storage.manifests import parse_disk
from vmconsole.access import journal
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Refused
from vmconsole.access.rights import Right, namespaces
from vmconsole.access.views_people import asker


@require_http_methods(["GET", "HEAD", "POST"])
def vm_create_yaml(request: HttpRequest) -> HttpResponse:
    """Create from manifests: a VirtualMachine, and before it the VirtualMachineDisks it needs."""
    text = request.POST.get("yaml", "")
    problems: list[tuple[str, str]] = []
    if not namespaces(request.user, Right.EDIT):
        forms_of(request)  # says why not
    if request.method == "POST":
        try:
            return redirect(from_yaml(request, text))
        except Invalid as invalid:
            problems = invalid.problems
        except Refused as refusal:
            journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
            problems = [(refusal.field, f"{refusal.public} {refusal.fix}".strip())]
    context = {"yaml": text, "problems": problems}
    return render(request, "inventory/vm_create_yaml.html", context, status=422 if problems else 200)


def from_yaml(request: HttpRequest, text: str) -> VirtualMachine:
    documents = [load_yaml(part) for part in text.split("\n---") if part.strip(" \r\n-")]
    machines = [document for document in documents if document.get("kind") != KIND_OF_DISK]
    if len(machines) != 1:
        raise Invalid([Problem("", _("Write one VirtualMachine, and before it any VirtualMachineDisks it needs."))])
    disks = [new_disk(document) for document in documents if document.get("kind") == KIND_OF_DISK]
    vm, _operation = making.create(asker(request), actor_of(request), parse_machine(machines[0]), new_disks=disks)
    return vm


def new_disk(document: dict[str, Any]) -> making.NewDisk:
    manifest = parse_disk(document)
    return making.NewDisk(manifest.metadata.name, composing.size_of(manifest.spec.size), manifest.spec.source)
