"""The forms of a new machine: what can be chosen, and what stands in them at first, by habit, by link or by a clone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from inventory import cloning, foresight
from inventory.composing import boot_name_of, named
from inventory.forms import DEFAULT_CARD, CardForms, DiskForms, MachineForm
from inventory.models import VirtualMachine, VirtualMachineType
from inventory.patterns import free_name
from networking.models import Network
from storage.models import Attachment, Image, VirtualMachineDisk
from vmconsole.access.errors import Denied
from vmconsole.access.rights import Right, namespaces
from vmconsole.access.views_people import asker
from vmconsole.lists import namespace_of
from vmconsole.runtime.types import Phase

MOST_IMAGES = 24
MOST_DISKS = 500
BLANK_SIZE = "10Gi"
Parts = tuple[MachineForm, Any, Any]
# What a link may say: `/vms/new?name=web-1&image=demo&vcpus=2&memory=1Gi&network=pod-network`.
LINKED = (
    "name", "display_name", "labels", "vcpus", "memory", "user", "source", "firmware", "os_type", "power", "boot_size",
    "disk",
)  # fmt: skip


def forms_of(request: HttpRequest, data: Any = None) -> Parts:
    user = asker(request)
    places = namespaces(user, Right.EDIT)
    if not places:
        raise Denied(
            _("You may look at machines, but not create any."), fix=_("Ask an administrator for the role “edit”.")
        )
    like = cloning.original(user, (data or request.GET).get("like", ""))
    images = list(Image.objects.visible_to(user).filter(deletion_requested_at=None).exclude(status_phase=Phase.FAILED))
    there = VirtualMachineDisk.objects.filter(namespace__in=places, deletion_requested_at=None)
    disks, copies = choices(there.filter(attachments=None), like), choices(there.filter(location=""), like)
    networks = [(name, name) for name in Network.objects.visible_to(user).values_list("name", flat=True)]
    types = VirtualMachineType.objects.order_by("spec_memory_bytes", "name")
    form = MachineForm(
        data, initial=initial(request, images, places, like), places=places, types=types, images=images[:MOST_IMAGES],
        disks=disks, copies=copies, like=like,
    )  # fmt: skip
    # What was sent stands for itself: a row that equals its first values would be taken for one nobody filled in.
    first_disks = cloning.disks_of(like) if like and data is None else None
    first = first_cards(request, networks, like) if data is None else None
    more = DiskForms(data, prefix="disk", form_kwargs={"disks": disks, "copies": copies}, initial=first_disks)
    cards = CardForms(data, prefix="card", form_kwargs={"networks": networks}, initial=first)
    return form, more, cards


def choices(rows: Any, like: VirtualMachine | None) -> list[tuple[str, str]]:
    """The newest disks, and in any case those of the machine that is cloned."""
    found = {f"{row.namespace}/{row.name}" for row in rows.order_by("-created_at")[:MOST_DISKS]}
    if like:
        found |= {f"{like.namespace}/{row.disk_name}" for row in like.disks.all()}
    return [(name, name) for name in sorted(found)]


def first_cards(
    request: HttpRequest, networks: list[tuple[str, str]], like: VirtualMachine | None
) -> list[dict[str, Any]]:
    if like:
        return cloning.cards_of(like)
    asked = request.GET.get("network", "")
    return [{**DEFAULT_CARD, "network": asked}] if (asked, asked) in networks else [DEFAULT_CARD]


def initial(
    request: HttpRequest, images: list[Image], places: list[str], like: VirtualMachine | None
) -> dict[str, Any]:
    """Sensible defaults, over which a clone and then a link may say something else."""
    asked = request.GET
    wanted = asked.get("image")
    named_one = next((image for image in images if wanted in (image.name, f"{image.namespace}/{image.name}")), None)
    image = named_one or next((image for image in images if image.public), images[0] if images else None)
    here = namespace_of(request)
    place = next((name for name in (asked.get("namespace"), here, "default") if name in places), places[0])
    types = VirtualMachineType.objects.values_list("name", flat=True)
    values: dict[str, Any] = {
        "namespace": place, "source": "image" if images else "blank", "image": str(image.uid) if image else "",
        "boot_size": "" if images else BLANK_SIZE, "sizing": "own", "vcpus": 1, "memory": "1Gi",
        "os_type": image.os_type if image and image.os_type else "Linux", "firmware": "bios",
        "boot_driver": "virtio", "boot_auto_delete": True, "power": "start",
    }  # fmt: skip
    values |= cloning.values_of(like) if like else {}
    values |= {key: asked[key][:4096] for key in LINKED if asked.get(key)}
    if asked.get("type") in types:
        values["sizing"] = asked["type"]
    if not values.get("name"):
        values["name"] = proposed_name(values["namespace"], like.name if like else image.name if image else "")
    return values


def proposed_name(place: str, like: str) -> str:
    """A name that neither a machine has nor a boot disk that outlived its machine."""
    machines = VirtualMachine.objects.filter(namespace=place).values_list("name", flat=True)
    disks = VirtualMachineDisk.objects.filter(namespace=place, name__endswith=boot_name_of("")).values_list("name")
    suffix = boot_name_of("")
    return free_name(like, {*machines, *(name.removesuffix(suffix) for (name,) in disks)})


def check_together(form: MachineForm, disks: Any, cards: Any) -> None:
    """What only the whole says: names that are taken, things that several machines cannot share, disks in use."""
    names, values = form.names, form.cleaned_data
    place = values.get("namespace", "")
    taken = foresight.names_taken(place, names)
    if taken:
        form.add_error("name", foresight.taken_said(taken))
    if form.like and form.like.namespace != place:
        form.add_error("namespace", _("A clone stays in its original's namespace, where its disks are."))
    if len(names) > 1:
        refuse_sharing(disks, cards)
    sources = [(form, "copied", values.get("copied", ""), values.get("source") == "copy")]
    sources += [
        (row, "copied", row.cleaned_data.get("copied", ""), row.cleaned_data.get("kind") == "copy")
        for row in disks.forms
        if getattr(row, "cleaned_data", None) and not row.cleaned_data.get("DELETE")
    ]
    for each, field, disk, is_copied in sources:
        writer = running_writer(disk) if is_copied else ""
        if writer:
            said = _("%(machine)s is running and writes to this disk. Stop it, then copy.")
            each.add_error(field, said % {"machine": writer})


def refuse_sharing(disks: Any, cards: Any) -> None:
    for row in disks.forms:
        values = getattr(row, "cleaned_data", {})
        if values.get("kind") == "old" and not values.get("read_only") and not values.get("DELETE"):
            row.add_error("existing", _("Several machines can share a disk only read-only."))
    for row in cards.forms:
        values = getattr(row, "cleaned_data", {})
        for field in ("address", "mac"):
            if values.get(field) and not values.get("DELETE"):
                row.add_error(field, _("Several machines cannot have the same one. Leave it empty."))


def running_writer(place_and_name: str) -> str:
    """The machine that runs and writes to the disk: a copy taken meanwhile would be torn."""
    place = place_and_name.partition("/")[0]
    held = Attachment.objects.filter(disk__namespace=place, disk__name=named(place_and_name), read_only=False)
    uids = held.values_list("machine_uid", flat=True)
    vm = VirtualMachine.objects.filter(uid__in=list(uids)).first()
    return "" if vm is None or vm.is_off else vm.name
