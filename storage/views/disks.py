"""The disks' pages."""

from __future__ import annotations

from typing import Any

import yaml
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from observability import events, subjects
from storage import forms, manifests, services
from storage.models import Image, VirtualMachineDisk
from storage.queries import DISKS
from storage.rules import Verb
from storage.views.pages import answer, asker, done, why
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, namespaces, require
from vmconsole.lists import namespace_of
from vmconsole.operations.services import open_of

FORMS: dict[str, type[forms.PlaceForm]] = {
    "image": forms.ImageDiskForm,
    "blank": forms.BlankDiskForm,
    "address": forms.AddressDiskForm,
    "upload": forms.UploadDiskForm,
    "copy": forms.CopyDiskForm,
}
# Which field of a form a refusal of the services is about.
FIELDS = {
    "source": "image", "spec.source.http.url": "url", "spec.source.http.checksum": "checksum", "spec.source": "url",
}  # fmt: skip
MOST_IMAGES = 500
VERBS = (Verb.GROW, Verb.DELETE, Verb.RETRY)


def found(request: HttpRequest, namespace: str, name: str) -> VirtualMachineDisk:
    disk = VirtualMachineDisk.objects.visible_to(asker(request)).filter(namespace=namespace, name=name).first()
    if disk is None:
        raise NotFound(_("There is no disk %(name)s that you can see.") % {"name": name})
    return disk


def listed(request: HttpRequest) -> QuerySet[VirtualMachineDisk]:
    rows = VirtualMachineDisk.objects.visible_to(asker(request)).prefetch_related("attachments")
    chosen = namespace_of(request)
    return rows.filter(namespace=chosen) if chosen else rows


@require_safe
def disk_list(request: HttpRequest) -> HttpResponse:
    asked = DISKS.asked(request, listed(request))
    refused = "" if namespaces(asker(request), Right.EDIT) else _("You may not make disks in any namespace.")
    page = asked.page(request)
    trashed = subjects.trashed([held.machine_uid for disk in page for held in disk.attachments.all()])
    context = {**asked.context(page), "why_not_create": refused, "trashed": trashed}
    return render(request, "storage/disk_list.html", context)


@require_safe
def disk_export(request: HttpRequest) -> StreamingHttpResponse:
    return DISKS.export(request, listed(request))


@require_http_methods(["GET", "HEAD", "POST"])
def disk_create(request: HttpRequest) -> HttpResponse:
    user = asker(request)
    editable = namespaces(user, Right.EDIT)
    if not editable:
        require(user, Right.EDIT, None)
    kind = request.GET.get("source", "image")
    form_class = FORMS.get(kind, forms.ImageDiskForm)
    first = {name: request.GET[name] for name in form_class.base_fields if name in request.GET and name != "password"}
    form = form_class(request.POST or None, namespaces=editable, initial=first)
    images = list(
        Image.objects.visible_to(user).filter(deletion_requested_at=None).order_by("-public", "name")[:MOST_IMAGES]
    )
    if "image" in form.fields:
        form.choose("image", [(f"{image.namespace}/{image.name}", image.shown_title) for image in images])
    if request.method == "POST" and kind != "upload":
        disk = answer(request, form, lambda: _created(request, form), FIELDS)
        if disk:
            return redirect(disk)
    tabs = [
        ("image", _("From an image")), ("blank", _("Blank")), ("address", _("From an address")),
        ("upload", _("Upload")), ("copy", _("Copy of a disk")),
    ]  # fmt: skip
    context = {"form": form, "kind": kind if kind in FORMS else "image", "tabs": tabs, "images": images}
    return render(request, "storage/disk_form.html", context, status=422 if form.errors else 200)


def _created(request: HttpRequest, form: Any) -> VirtualMachineDisk:
    values = form.cleaned_data
    return services.create_disk(
        asker(request), actor_of(request), values["namespace"], values["name"], size_bytes=values["size"],
        source=form.source(), credentials=form.credentials() if hasattr(form, "credentials") else None,
    )  # fmt: skip


@require_safe
def disk_detail(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    disk = found(request, namespace, name)
    operation = open_of(disk.uid)
    context = {
        "disk": disk,
        "operation": operation,
        "attachments": list(disk.attachments.order_by("machine_name")),
        "trashed": subjects.trashed([held.machine_uid for held in disk.attachments.all()]),
        "events": events.of(disk.uid)[:20],
        "why": why(request, disk, VERBS, operation.verb if operation else ""),
        "manifest": yaml.safe_dump(manifests.shown(disk), sort_keys=False, allow_unicode=True),
        "http": disk.spec_source.get("http"),
    }
    return render(request, "storage/disk_detail.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def disk_grow(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    disk = found(request, namespace, name)
    require(asker(request), Right.EDIT, namespace)
    form = forms.GrowForm(request.POST or None, initial={"size": disk.size_bytes})
    if request.method == "POST":
        asked = answer(
            request,
            form,
            lambda: services.grow_disk(asker(request), actor_of(request), disk, form.cleaned_data["size"]),
            {},
        )
        if asked:
            return redirect(disk)
    return render(request, "storage/disk_grow.html", {"disk": disk, "form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def disk_delete(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    disk = found(request, namespace, name)
    require(asker(request), Right.EDIT, namespace)
    if request.method == "POST":
        services.delete_disk(asker(request), actor_of(request), disk)
        return redirect("storage:disk_list")
    context = {
        "title": _("Delete disk %(name)s?") % {"name": disk.name},
        "text": _("Everything on it is lost. There is no way back."),
        "url": request.path,
        "label": _("Delete it"),
        "danger": True,
        "typed": disk.name,
    }
    return render(request, "parts/confirm.html", context)


@require_POST
def disk_retry(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    disk = found(request, namespace, name)
    services.retry(asker(request), actor_of(request), disk)
    return done(request, disk)


@require_POST
def disk_cancel(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    disk = found(request, namespace, name)
    services.cancel(asker(request), actor_of(request), disk)
    return done(request, "storage:disk_list")
