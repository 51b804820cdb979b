"""A machine's configuration: a form for what people change often, its manifest as YAML for everything.

Beside each field stands what the running machine has, where that differs: the change waits for its next start.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from inventory.configuring import ConfigureForm, changed_manifest, pending
from inventory.manifests import Invalid, dump_yaml, load_yaml, manifest_of, parse_machine
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.rules import Verb
from inventory.services import editing
from inventory.services.asking import require_on
from inventory.services.editing import When
from inventory.showing import one
from inventory.views.create import FIELDS
from inventory.views.finding import machine
from inventory.views.machines import page
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Refused
from vmconsole.access.views_people import asker

Problems = list[tuple[str, str]]
WHEN: dict[str, When] = {"next-start": "next-start", "restart": "restart"}


@require_http_methods(["GET", "HEAD", "POST"])
def vm_configuration(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    vm = machine(request, namespace, name_)
    if request.method == "POST":
        require_on(asker(request), vm)
    types = VirtualMachineType.objects.order_by("spec_memory_bytes", "name")
    form = ConfigureForm(request.POST or None, vm=vm, types=types)
    if request.method == "POST" and form.is_valid():
        try:
            return saved(request, vm, changed_manifest(vm, form))
        except Invalid as invalid:
            for path, sentence in invalid.problems:
                form.add_error(in_form(form, FIELDS.get(path)), sentence)
        except Refused as refusal:
            form.add_error(in_form(form, FIELDS.get(refusal.field)), f"{refusal.public} {refusal.fix}".strip())
    return shown(request, vm, form=form, bad=bool(form.errors))


def in_form(form: ConfigureForm, field: str | None) -> str | None:
    return field if field in form.fields else None


@require_http_methods(["GET", "HEAD", "POST"])
def vm_yaml(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The manifest, to read and to change. An edit on top of somebody else's newer edit is refused."""
    vm = machine(request, namespace, name_)
    text = request.POST.get("yaml") or dump_yaml(manifest_of(vm, status=False))
    problems: Problems = []
    if request.method == "POST":
        require_on(asker(request), vm)
        try:
            return saved(request, vm, load_yaml(text))
        except Invalid as invalid:
            problems = invalid.problems
        except Refused as refusal:
            problems = [(refusal.field, f"{refusal.public} {refusal.fix}".strip())]
    status = dump_yaml(manifest_of(vm).get("status", {}))
    return shown(request, vm, as_yaml=True, yaml=text, status_yaml=status, problems=problems, bad=bool(problems))


def saved(request: HttpRequest, vm: VirtualMachine, document: dict[str, Any]) -> HttpResponse:
    seen = request.POST.get("generation", "")
    editing.edit(
        asker(request), actor_of(request), vm, parse_machine(document),
        expected_generation=int(seen) if seen.isdecimal() else None,
        when=WHEN.get(request.POST.get("when", ""), "refuse"),
    )  # fmt: skip
    return redirect("inventory:vm_configuration", vm.namespace or "-", vm.name if vm.namespace else str(vm.uid))


def shown(request: HttpRequest, vm: VirtualMachine, *, bad: bool, **more: Any) -> HttpResponse:
    row = one(request.user, vm)
    context = {
        "why_not": row.button(Verb.EDIT.value).why_not,
        "pending": pending(vm),
        "generation": request.POST.get("generation", vm.generation),
        "running": not vm.is_off,
        "note": _("What a running machine cannot take waits for its next start."),
    }
    return page(request, vm, "configuration", status=422 if bad else 200, **context, **more)
