"""A machine's configuration: a form for what people change often, its manifest as YAML for everything.

Both are the same manifest, and both show beside them what they would change before they do. What a running machine
has otherwise is listed above: it waits for the next start, and can be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from inventory import usage
from inventory.configuring import (
    FIELDS,
    ConfigureForm,
    changed_manifest,
    initial_of,
    merged,
)
from inventory.devices import Rows
from inventory.differing import Difference, differences
from inventory.explaining import explained_fields
from inventory.foresight import Line, quota_lines
from inventory.manifests import (
    Invalid,
    dump_yaml,
    load_yaml,
    manifest_of,
    parse_machine,
    spec_columns,
    spec_of,
    written_out,
)
from inventory.models import MachineVersion, VirtualMachine, VirtualMachineType
from inventory.rules import Verb
from inventory.schema import VirtualMachineManifest
from inventory.services import editing
from inventory.services.asking import require_on
from inventory.services.editing import When
from inventory.showing import one
from inventory.views.finding import machine
from inventory.views.machines import page
from inventory.waiting import pending, taken_back
from vmconsole.access import journal
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Conflict, Refused
from vmconsole.access.views_people import asker

Manifest = dict[str, Any]
Problems = list[tuple[str, str]]
WHEN: dict[str, When] = {"next-start": "next-start", "restart": "restart"}


@dataclass
class Clash:
    """Somebody else was quicker: what they changed, what is asked here, and both laid together."""

    theirs: list[Difference]
    mine: list[Difference]
    both: set[str]
    manifest: Manifest


@require_http_methods(["GET", "HEAD", "POST"])
def vm_configuration(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    vm = machine(request, namespace, name_)
    now = manifest_of(vm, status=False)
    if request.method != "POST":
        return shown(request, vm, now, **parts(vm, now))
    require_on(asker(request), vm)
    form, rows = parts(vm, now, request.POST).values()
    if not (form.is_valid() and rows.is_valid()):
        return shown(request, vm, now, 422, form=form, rows=rows)
    wanted = written(now, form, rows)
    try:
        return saved(request, vm, wanted)
    except Invalid as invalid:
        for path, sentence in invalid.problems:
            form.add_error(FIELDS.get(path), f"{sentence}")
    except Refused as refusal:
        clash = clashed(request, vm, now, wanted, refusal)
        if clash:
            return shown(request, vm, now, 409, clash=clash, **parts(vm, clash.manifest))
        journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
        form.add_error(FIELDS.get(refusal.field), f"{refusal.public} {refusal.fix}".strip())
    return shown(request, vm, now, 422, form=form, rows=rows)


@require_http_methods(["GET", "HEAD", "POST"])
def vm_yaml(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """The manifest, to read and to change. An edit on top of somebody else's newer edit shows both."""
    vm = machine(request, namespace, name_)
    now = manifest_of(vm, status=False)
    text = request.POST.get("yaml") or dump_yaml(now)
    problems: Problems = []
    if request.method == "POST":
        require_on(asker(request), vm)
        try:
            document = load_yaml(text)
            try:
                return saved(request, vm, document)
            except Conflict as refusal:
                clash = clashed(request, vm, now, document, refusal)
                if clash is None:
                    raise
            return yaml_page(request, vm, now, 409, clash=clash, yaml=dump_yaml(clash.manifest), problems=[])
        except Invalid as invalid:
            problems = invalid.problems
        except Refused as refusal:
            journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
            problems = [(refusal.field, f"{refusal.public} {refusal.fix}".strip())]
    return yaml_page(request, vm, now, 422 if problems else 200, yaml=text, problems=problems)


@require_POST
def vm_configuration_preview(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """What the form, or the YAML, would change, and what that means for the machine. Changes nothing."""
    vm = machine(request, namespace, name_)
    require_on(asker(request), vm)
    now, problems, wanted = manifest_of(vm, status=False), [], None
    try:
        if "yaml" in request.POST:
            wanted = load_yaml(request.POST["yaml"])
            parse_machine(wanted)
        else:
            form, rows = parts(vm, now, request.POST).values()
            if form.is_valid() and rows.is_valid():
                wanted = written(now, form, rows)
                parse_machine(wanted)
    except Invalid as invalid:
        problems = invalid.problems
    return render(request, "inventory/vm_preview.html", {**previewed(request, vm, now, wanted), "problems": problems})


@require_POST
def vm_configuration_revert(request: HttpRequest, namespace: str, name_: str) -> HttpResponse:
    """Take back one field that waits for the next start: the wish is again what the machine runs with."""
    vm = machine(request, namespace, name_)
    require_on(asker(request), vm)
    wanted = taken_back(vm, manifest_of(vm, status=False), request.POST.get("field", ""))
    if wanted is None:
        raise Conflict(_("That field does not wait for anything any more."), reason="NotNow")
    editing.edit(asker(request), actor_of(request), vm, parse_machine(wanted), when="next-start")
    return back(vm)


# --- parts ------------------------------------------------------------------------------------------------------
def parts(vm: VirtualMachine, manifest: Manifest, data: Any = None) -> dict[str, Any]:
    """The form and its rows, filled from the manifest, or with what was sent."""
    types = VirtualMachineType.objects.order_by("spec_memory_bytes", "name")
    form = ConfigureForm(data, initial=initial_of(vm, manifest), types=types)
    return {"form": form, "rows": Rows(vm, manifest, data)}


def written(now: Manifest, form: ConfigureForm, rows: Rows) -> Manifest:
    wanted = changed_manifest(now, form)
    rows.fill(wanted)
    return wanted


def saved(request: HttpRequest, vm: VirtualMachine, document: Manifest) -> HttpResponse:
    editing.edit(
        asker(request), actor_of(request), vm, parse_machine(document),
        expected_generation=began_with(request),
        when=WHEN.get(request.POST.get("when", ""), "refuse"),
    )  # fmt: skip
    return back(vm)


def began_with(request: HttpRequest) -> int | None:
    """The generation that whoever sends this had before them."""
    seen = request.POST.get("generation", "")
    return int(seen) if seen.isdecimal() and len(seen) < 19 else None


def back(vm: VirtualMachine) -> HttpResponse:
    return redirect("inventory:vm_configuration", vm.namespace or "-", vm.name if vm.namespace else str(vm.uid))


def clashed(
    request: HttpRequest, vm: VirtualMachine, now: Manifest, wanted: Manifest, refusal: Refused
) -> Clash | None:
    """Both changes since the version that this one began with, or None when that is not what is wrong."""
    if refusal.reason != "Stale":
        return None
    begun = MachineVersion.objects.filter(machine=vm, number=began_with(request) or 0).first()
    base = begun.manifest if begun else now
    theirs, mine = differences(base, now), differences(base, wanted)
    both = {change.path for change in theirs} & {change.path for change in mine}
    return Clash(theirs, mine, both, merged(base, now, wanted))


def previewed(request: HttpRequest, vm: VirtualMachine, now: Manifest, wanted: Manifest | None) -> dict[str, Any]:
    changes = differences(now, wanted) if wanted else []
    was = initial_of(vm, now)
    running = not vm.is_off
    valid = parsed(wanted) if wanted and changes else None
    return {
        "changes": [(change, FIELDS.get(change.path, ""), was.get(FIELDS.get(change.path, ""))) for change in changes],
        "frozen": running and any(change.frozen for change in changes),
        "when": request.POST.get("when", "next-start"),
        "by_itself": vm.spec_auto_restart,
        "yaml": dump_yaml(written_out(valid) if valid else wanted or now),
        "wanted": wanted is not None,
        "lines": grown(vm, valid) if valid else [],
    }


def parsed(manifest: Manifest) -> VirtualMachineManifest | None:
    """None: something is wrong with it, which is said elsewhere."""
    try:
        return parse_machine(manifest)
    except Invalid:
        return None


def grown(vm: VirtualMachine, wanted: VirtualMachineManifest) -> list[Line]:
    """What a larger machine takes of what its namespace may have."""
    growth = usage.growth(spec_columns(spec_of(vm)), spec_columns(wanted.spec))
    return quota_lines(vm.namespace, growth)


def yaml_page(request: HttpRequest, vm: VirtualMachine, now: Manifest, status: int, **more: Any) -> HttpResponse:
    seen = dump_yaml(manifest_of(vm).get("status", {}))
    return shown(request, vm, now, status, as_yaml=True, status_yaml=seen, fields=explained_fields(), **more)


def shown(request: HttpRequest, vm: VirtualMachine, now: Manifest, status: int = 200, **more: Any) -> HttpResponse:
    row = one(request.user, vm)
    clash = more.get("clash")
    wanted = clash.manifest if clash else now
    context = {
        "why_not": row.button(Verb.EDIT.value).why_not,
        "pending": pending(vm),
        "generation": vm.generation if clash else request.POST.get("generation", vm.generation),
        "running": not vm.is_off,
        **previewed(request, vm, now, wanted),
    }
    return page(request, vm, "configuration", status=status, **{**context, **more})
