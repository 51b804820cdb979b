"""Create a machine: one page, with the same thing as YAML beside it; or the YAML itself."""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from inventory import composing
from inventory.forms import DEFAULT_CARD, CardForms, DiskForms, MachineForm
from inventory.manifests import Invalid, dump_yaml, load_yaml, parse_machine
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.rules import Problem
from inventory.services import making
from networking.models import Network
from storage.manifests import KIND as KIND_OF_DISK
from storage.manifests import parse_disk
from storage.models import Image, VirtualMachineDisk
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import Denied, Refused
from vmconsole.access.rights import Right, namespaces
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of
from vmconsole.pages import Icon
from vmconsole.runtime.quantities import format_quantity
from vmconsole.runtime.types import Phase

MOST_IMAGES = 24
MOST_DISKS = 500
Parts = tuple[MachineForm, Any, Any]

# The menu of the page: which fields stand where, for the marks of errors.
SECTIONS: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = (
    ("main", gettext_lazy("Name and image"), Icon("tag"),
     ("namespace", "name", "display_name", "labels", "source", "image", "disk", "boot_size")),
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
    "spec.compute.cpu.vcpus": "vcpus", "spec.compute.memory.capacity": "memory", "size": "boot_size",
    "spec.size": "boot_size", "spec.source": "image", "spec.cloudInit.noCloud.userData": "user_data",
    "spec.cloudInit.noCloud.networkData": "network_data",
}  # fmt: skip


def forms_of(request: HttpRequest, data: Any = None) -> Parts:
    user = asker(request)
    places = namespaces(user, Right.EDIT)
    if not places:
        raise Denied(
            _("You may look at machines, but not create any."), fix=_("Ask an administrator for the role “edit”.")
        )
    images = list(Image.objects.visible_to(user).filter(deletion_requested_at=None).exclude(status_phase=Phase.FAILED))
    free = VirtualMachineDisk.objects.filter(namespace__in=places, attachments=None, deletion_requested_at=None)
    disks = [(f"{row.namespace}/{row.name}", f"{row.namespace}/{row.name}") for row in free[:MOST_DISKS]]
    networks = [(name, name) for name in Network.objects.visible_to(user).values_list("name", flat=True)]
    types = VirtualMachineType.objects.order_by("spec_memory_bytes", "name")
    form = MachineForm(
        data, initial=initial(request, images, places), places=places, types=types, images=images[:MOST_IMAGES],
        disks=disks,
    )  # fmt: skip
    more = DiskForms(data, prefix="disk", form_kwargs={"disks": disks})
    cards = CardForms(data, prefix="card", form_kwargs={"networks": networks}, initial=[DEFAULT_CARD])
    return form, more, cards


def initial(request: HttpRequest, images: list[Image], places: list[str]) -> dict[str, Any]:
    """Sensible defaults, over which a link may say something else: `/vms/new?name=web-1&image=debian-12`."""
    asked = request.GET
    named = next((image for image in images if image.name == asked.get("image")), None)
    image = named or (images[0] if len(images) == 1 else None)
    here = namespace_of(request)
    place = next((name for name in (asked.get("namespace"), here, "default") if name in places), places[0])
    types = VirtualMachineType.objects.values_list("name", flat=True)
    values = {
        "namespace": place, "source": "image" if images else "blank", "image": str(image.uid) if image else "",
        "sizing": asked.get("type") if asked.get("type") in types else "own", "vcpus": 1, "memory": "1Gi",
        "os_type": "Linux", "firmware": "bios", "boot_driver": "virtio", "boot_auto_delete": True, "power": "start",
    }  # fmt: skip
    plain = ("name", "display_name", "vcpus", "memory", "user", "source", "firmware", "disk")
    return {**values, **{key: asked[key] for key in plain if key in asked}}


@require_http_methods(["GET", "HEAD", "POST"])
def vm_create(request: HttpRequest) -> HttpResponse:
    parts = forms_of(request, request.POST if request.method == "POST" else None)
    bad = request.method == "POST"
    valid = [part.is_valid() for part in parts] if bad else [False]  # all of them, so that every field is marked
    if all(valid):
        answer = made(request, parts)
        if answer:
            return answer
    return render(request, "inventory/vm_create.html", context_of(parts), status=422 if bad else 200)


def made(request: HttpRequest, parts: Parts) -> HttpResponse | None:
    """Create it, or put what is wrong beside the fields."""
    form, disks, cards = parts
    try:
        manifest = parse_machine(composing.machine_manifest(form, disks, cards))
        vm, _operation = making.create(
            asker(request), actor_of(request), manifest, new_disks=composing.new_disks(form, disks),
            start=form.cleaned_data["power"] != "stay", idempotency_key=request.POST.get("once", "")[:128],
        )  # fmt: skip
    except Invalid as invalid:
        for path, sentence in invalid.problems:
            form.add_error(FIELDS.get(path), sentence)
    except Refused as refusal:
        form.add_error(FIELDS.get(refusal.field), " ".join(filter(None, [refusal.public, refusal.fix])))
    else:
        return redirect(vm)
    return None


def context_of(parts: Parts) -> dict[str, Any]:
    form, disks, cards = parts
    wrong = set(form.errors)
    marks = {"disks": disks.is_bound and not disks.is_valid(), "network": cards.is_bound and not cards.is_valid()}
    sections = [
        {"id": key, "title": title, "icon": icon, "bad": bool(wrong & set(fields)) or marks.get(key, False)}
        for key, title, icon, fields in SECTIONS
    ]
    # A second click on "Create" is the same request and not a second machine.
    return {"form": form, "disks": disks, "cards": cards, "sections": sections, "once": token_urlsafe(16)}


@require_POST
def vm_preview(request: HttpRequest) -> HttpResponse:
    """What the form makes so far, as YAML that could be applied instead. Passwords are not shown."""
    form, disks, cards = forms_of(request, request.POST)
    for part in (form, disks, cards):
        part.is_valid()
    hide_password(form)
    place = form.cleaned_data.get("namespace", "")
    made = composing.new_disks(form, disks)
    documents = [composing.disk_manifest(disk, place, written(disk.size_bytes)) for disk in made]
    documents.append(composing.machine_manifest(form, disks, cards))
    text = "---\n".join(dump_yaml(document) for document in documents)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def hide_password(form: MachineForm) -> None:
    if form.cleaned_data.get("password"):
        form.cleaned_data["password"] = "********"  # noqa: S105 - a mask, not a password


def written(size: int) -> str:
    return format_quantity(size) if size else ""


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
            problems = [(refusal.field, refusal.public)]
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
