"""Create machines: one page for one or several, with what will happen beside it, and the same in other words."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from inventory import composing, spelling
from inventory.foresight import foresee
from inventory.forms import MachineForm
from inventory.manifests import Invalid, parse_machine
from inventory.models import VirtualMachine
from inventory.patterns import BadPattern, names_of
from inventory.services import making
from inventory.showing import shown
from inventory.views.filling import Parts, check_together, forms_of
from vmconsole.access import journal
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound, OverQuota, Refused
from vmconsole.access.rights import Right, may
from vmconsole.access.views_people import asker
from vmconsole.operations.models import Operation
from vmconsole.pages import Icon

MASK = "********"
# The menu of the page: which fields stand where, for the marks of errors.
SECTIONS: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = (
    ("main", gettext_lazy("Name and image"), Icon("tag"),
     ("namespace", "name", "display_name", "labels", "source", "image", "disk", "copied", "boot_size")),
    ("size", gettext_lazy("Size"), Icon("cpu"), ("sizing", "vcpus", "memory")),
    ("disks", gettext_lazy("Disks"), Icon("database"), ("boot_driver", "boot_auto_delete")),
    ("network", gettext_lazy("Network"), Icon("network"), ()),
    ("login", gettext_lazy("Log-in and cloud-init"), Icon("key"),
     ("user", "password", "ssh_key", "user_data", "network_data")),
    ("system", gettext_lazy("System"), Icon("settings"), ("os_type", "firmware", "secure_boot")),
    ("options", gettext_lazy("Power and protection"), Icon("bolt"), ("power", "auto_restart", "protected")),
)  # fmt: skip
FIELDS = {
    "metadata.name": "name", "name": "name", "metadata.namespace": "namespace", "metadata.labels": "labels",
    "spec.compute.virtualMachineTypeName": "sizing", "spec.compute.cpu.vcpus": "vcpus",
    "spec.compute.memory.capacity": "memory", "size": "boot_size",
    "spec.size": "boot_size", "spec.source": "image", "spec.cloudInit.noCloud.userData": "user_data",
    "spec.cloudInit.noCloud.networkData": "network_data",
}  # fmt: skip
# What the services say of disks and cards has no field of the first form; their section is marked.
ELSEWHERE = {"spec.disks": "disks", "spec.interfaces": "network", "macAddress": "network", "ipAddresses": "network"}


@require_http_methods(["GET", "HEAD", "POST"])
def vm_create(request: HttpRequest) -> HttpResponse:
    parts = forms_of(request, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, "inventory/vm_create.html", context_of(parts))
    checked = [part.is_valid() for part in parts]  # all of them, so that every field is marked
    if all(checked) and asked_before(request):
        return gone_to(parts[0], parts[0].cleaned_data["namespace"])
    check_together(*parts)
    marks: set[str] = set()
    if all(checked) and not any(map(errors_of, parts)):
        answer = made(request, parts, marks)
        if answer:
            return answer
    return render(request, "inventory/vm_create.html", context_of(parts, marks), status=422)


def errors_of(part: Any) -> list[Any]:
    """A formset tells its own errors apart from its rows'; an empty row's are none."""
    if isinstance(part, MachineForm):
        return list(part.errors)
    return [each.errors for each in part.forms if each.errors and not each.cleaned_data.get("DELETE")]


def once_of(request: HttpRequest) -> str:
    return request.POST.get("once", "")[:120]


def asked_before(request: HttpRequest) -> bool:
    """A second click on the button is the first one's request."""
    once, user = once_of(request), asker(request)
    return bool(once) and Operation.objects.filter(actor_user_id=user.pk, idempotency_key=once).exists()


def made(request: HttpRequest, parts: Parts, marks: set[str]) -> HttpResponse | None:
    """Create them, or put what is wrong beside the fields."""
    form, disks, cards = parts
    try:
        wishes = [
            making.Wish(
                parse_machine(composing.machine_manifest(form, disks, cards, name)),
                composing.new_disks(form, disks, name),
            )
            for name in form.names
        ]
        making.create_many(
            asker(request), actor_of(request), wishes, start=form.cleaned_data["power"] != "stay",
            idempotency_key=once_of(request), like=form.like,
        )  # fmt: skip
    except (Invalid, OverQuota) as refusal:
        journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
        for path, sentence in refusal.problems:
            complain(form, marks, path, sentence)
        if refusal.fix:
            form.add_error(None, refusal.fix)
    except Refused as refusal:
        journal.note_refusal(request, refusal.status, refusal.reason, refusal.public)
        complain(form, marks, refusal.field, " ".join(filter(None, [refusal.public, refusal.fix])))
    else:
        return gone_to(form, form.cleaned_data["namespace"])
    return None


def complain(form: MachineForm, marks: set[str], path: str, sentence: str) -> None:
    form.add_error(FIELDS.get(path), sentence)
    marks |= {section for start, section in ELSEWHERE.items() if path.startswith(start)}


def gone_to(form: MachineForm, place: str) -> HttpResponse:
    """One that starts: to its screen, which waits for it. Several: to the page that follows all of them."""
    names = form.names
    if len(names) > 1:
        return redirect(f"{reverse('inventory:vm_made')}?{urlencode({'namespace': place, 'name': form.data['name']})}")
    tab = "console" if form.cleaned_data["power"] in ("start", "Running") else "detail"
    return redirect(f"inventory:vm_{tab}", place, names[0])


def context_of(parts: Parts, marks: set[str] | frozenset[str] = frozenset()) -> dict[str, Any]:
    form, disks, cards = parts
    wrong = set(form.errors) if form.is_bound else set()
    bad = {"disks": disks.is_bound and bool(errors_of(disks)), "network": cards.is_bound and bool(errors_of(cards))}
    sections = [
        {
            "id": key, "title": title, "icon": icon,
            "bad": bool(wrong & set(fields)) or bad.get(key, False) or key in marks,
        }
        for key, title, icon, fields in SECTIONS
    ]  # fmt: skip
    # A second click on "Create" is the same request and not a second machine.
    return {
        "form": form, "disks": disks, "cards": cards, "sections": sections, "once": token_urlsafe(16),
        "bad": [section for section in sections if section["bad"]],
    }  # fmt: skip


@require_POST
def vm_preview(request: HttpRequest) -> HttpResponse:
    """What the form makes so far: what will happen, or the same as YAML or as commands. Passwords are not shown."""
    parts = forms_of(request, request.POST)
    form, disks, cards = parts
    for part in parts:
        part.is_valid()
    if request.POST.get("as") == "review":
        check_together(*parts)
        sees_nodes = may(request.user, Right.CLUSTER_VIEW, None)
        context = {"lines": foresee(form, disks, cards, sees_nodes=sees_nodes), "missing": missing(form)}
        return render(request, "inventory/vm_create_review.html", context)
    notes = hide_password(form)
    if form.cleaned_data.get("power") == "stay":
        notes.append(_("Manifests can leave a machine off only by declaring it Stopped."))
    documents = composing.documents(form, disks, cards)
    kind = request.POST.get("as", "")
    if kind == "vmctl":
        text = spelling.vmctl(documents, notes)
    elif kind == "curl":
        text = spelling.curl(documents, notes, request.build_absolute_uri("/").rstrip("/"))
    else:
        text = spelling.yaml(documents, notes)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def missing(form: MachineForm) -> list[dict[str, str]]:
    """What stands in the way of pressing the button, each with the field to go to."""
    return [
        {"label": str(form.fields[name].label), "id": f"id_{name}", "said": str(said[0])}
        for name, said in form.errors.items()
        if name in form.fields
    ]


def hide_password(form: MachineForm) -> list[str]:
    """Mask it, and say so: the notes that go before the text."""
    if not form.cleaned_data.get("password"):
        return []
    form.cleaned_data["password"] = MASK
    return [_("The password is not shown. Put yours in its place.")]


@require_safe
def vm_made(request: HttpRequest) -> HttpResponse:
    """Several machines that were asked for together, each with how far it is."""
    place, text = request.GET.get("namespace", ""), request.GET.get("name", "")
    try:
        names = names_of(text)
    except BadPattern:
        names = []
    rows = VirtualMachine.objects.visible_to(asker(request)).filter(namespace=place, name__in=names).order_by("name")
    found = sorted(shown(request.user, rows), key=lambda row: names.index(row.vm.name))
    if not found:
        raise NotFound(_("There are no machines of these names that you can see."))
    return render(request, "inventory/vm_made.html", {"rows": found, "pattern": text, "namespace": place})
