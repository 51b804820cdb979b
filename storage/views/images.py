"""The images' pages."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from observability import events
from storage import forms, services
from storage.models import Image
from storage.queries import IMAGES
from storage.rules import Verb
from storage.views.pages import answer, asker, done, why
from vmconsole.access.actors import actor_of
from vmconsole.access.errors import NotFound
from vmconsole.access.rights import Right, may, namespaces, require
from vmconsole.lists import namespace_of
from vmconsole.operations.services import open_of

FORMS: dict[str, type[forms.PlaceForm]] = {
    "address": forms.AddressImageForm,
    "upload": forms.UploadImageForm,
    "disk": forms.DiskImageForm,
}
FIELDS = {
    "source": "disk", "spec.source.http.url": "url", "spec.source.http.checksum": "checksum", "spec.source": "url",
    "size": "default_size",
}  # fmt: skip
VERBS = (Verb.EDIT, Verb.DELETE, Verb.RETRY)


def found(request: HttpRequest, namespace: str, name: str) -> Image:
    image = Image.objects.visible_to(asker(request)).filter(namespace=namespace, name=name).first()
    if image is None:
        raise NotFound(_("There is no image %(name)s that you can see.") % {"name": name})
    return image


def listed(request: HttpRequest) -> QuerySet[Image]:
    """Those of the chosen namespace, and the public ones, which are for all of them."""
    rows = Image.objects.visible_to(asker(request))
    chosen = namespace_of(request)
    return rows.filter(Q(namespace=chosen) | Q(public=True)) if chosen else rows


@require_safe
def image_list(request: HttpRequest) -> HttpResponse:
    asked = IMAGES.asked(request, listed(request))
    refused = "" if namespaces(asker(request), Right.EDIT) else _("You may not add images to any namespace.")
    context = {**asked.context(asked.page(request)), "why_not_create": refused}
    return render(request, "storage/image_list.html", context)


@require_safe
def image_export(request: HttpRequest) -> StreamingHttpResponse:
    return IMAGES.export(request, listed(request))


@require_http_methods(["GET", "HEAD", "POST"])
def image_create(request: HttpRequest) -> HttpResponse:
    user = asker(request)
    editable = namespaces(user, Right.EDIT)
    if not editable:
        require(user, Right.EDIT, None)
    kind = request.GET.get("source", "address")
    form_class = FORMS.get(kind, forms.AddressImageForm)
    first = {name: request.GET[name] for name in form_class.base_fields if name in request.GET and name != "password"}
    form = form_class(request.POST or None, namespaces=editable, initial=first)
    if request.method == "POST" and kind != "upload":
        image = answer(request, form, lambda: _created(request, form), FIELDS)
        if image:
            return redirect(image)
    tabs = [("address", _("From an address")), ("upload", _("Upload")), ("disk", _("From a disk"))]
    context = {"form": form, "kind": kind if kind in FORMS else "address", "tabs": tabs}
    return render(request, "storage/image_form.html", context, status=422 if form.errors else 200)


def _created(request: HttpRequest, form: Any) -> Image:
    values = form.cleaned_data
    return services.create_image(
        asker(request), actor_of(request), values["namespace"], values["name"], source=form.source(),
        credentials=form.credentials(), **form.described(),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
def image_detail(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """The image; POST changes what people read about it."""
    image = found(request, namespace, name)
    if request.method == "POST":
        require(asker(request), Right.EDIT, namespace)
    told = {field: getattr(image, field) for field in ("title", "os_type", "description")}
    form = forms.AboutImage(request.POST or None, initial={**told, "default_size": image.default_size_bytes})
    if request.method == "POST" and answer(request, form, lambda: _edited(request, image, form), FIELDS):
        return redirect(image)
    operation = open_of(image.uid)
    context = {
        "image": image,
        "form": form,
        "operation": operation,
        "events": events.of(image.uid)[:20],
        "why": why(request, image, VERBS, operation.verb if operation else ""),
        "may_edit": may(request.user, Right.EDIT, image.namespace),
        "why_not_share": ""
        if may(request.user, Right.CLUSTER_EDIT, None)
        else _("Only those who run the cluster share images."),
        "http": image.spec_source.get("http"),
    }
    return render(request, "storage/image_detail.html", context, status=422 if form.errors else 200)


def _edited(request: HttpRequest, image: Image, form: forms.AboutImage) -> bool:
    services.edit_image(asker(request), actor_of(request), image, **form.described())
    return True


@require_POST
def image_share(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    image = found(request, namespace, name)
    services.set_public(asker(request), actor_of(request), image, public=True)
    return done(request, image)


@require_POST
def image_unshare(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    image = found(request, namespace, name)
    services.set_public(asker(request), actor_of(request), image, public=False)
    return done(request, image)


@require_http_methods(["GET", "HEAD", "POST"])
def image_delete(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    image = found(request, namespace, name)
    require(asker(request), Right.EDIT, namespace)
    if request.method == "POST":
        services.delete_image(asker(request), actor_of(request), image)
        return redirect("storage:image_list")
    context = {
        "title": _("Delete image %(name)s?") % {"name": image.name},
        "text": _("Disks that were made from it are copies and stay."),
        "url": request.path,
        "label": _("Delete it"),
        "danger": True,
    }
    return render(request, "parts/confirm.html", context)


@require_POST
def image_retry(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    image = found(request, namespace, name)
    services.retry(asker(request), actor_of(request), image)
    return done(request, image)


@require_POST
def image_cancel(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    image = found(request, namespace, name)
    services.cancel(asker(request), actor_of(request), image)
    return done(request, "storage:image_list")
