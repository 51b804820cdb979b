"""Where a disk's bytes come from: the manifest's `source`, checked, and turned into the runtime's words.

Exactly one key, as VirtualMachineDisk has it. `image` (of our catalogue) and `upload` are ours; what needs more than
this host and http offers is refused with the sentence instead of being ignored.
"""

from __future__ import annotations

import base64
from typing import Any, Final
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from storage import rules
from storage.models import Image, VirtualMachineDisk
from vmconsole.access import secrets
from vmconsole.access.errors import Unprocessable
from vmconsole.access.models import User
from vmconsole.runtime.addresses import ForbiddenAddress, allow_list, check_url
from vmconsole.runtime.types import BlankSource, FileSource, HttpSource, VolumeSource

Source = BlankSource | HttpSource | VolumeSource | FileSource

_LATER: Final = ("gcs", "s3", "registry")
_MOST_HEADERS: Final = 20
_HEADER_CHARS: Final = 4096


class _Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a source."""


class Http(_Part):
    url: str
    secret_ref: str = ""
    extra_headers: list[str] = []
    secret_extra_headers: list[str] = []
    checksum: str = ""


class OfDisk(_Part):
    name: str


class OfImage(_Part):
    name: str
    namespace: str = ""


class OfUpload(_Part):
    uid: UUID
    checksum: str = ""


class SourceManifest(_Part):
    http: Http | None = None
    virtual_machine_disk: OfDisk | None = None
    image: OfImage | None = None
    upload: OfUpload | None = None


class SourceGone(Exception):
    """What the source names is not there (yet). The message is a sentence for people."""


def checked(source: dict[str, Any]) -> dict[str, Any]:
    """The source as it is kept, or Unprocessable. Names are looked up later: what they name may still come."""
    for name in _LATER:
        if name in source:
            sentence = _(
                "Disks from %(kind)s cannot be made on this host yet. Use http, an image, a disk or an upload."
            )
            raise Unprocessable(sentence % {"kind": name}, field=f"spec.source.{name}", reason="SourceNotSupported")
    try:
        parts = msgspec.convert(source, SourceManifest)
    except msgspec.ValidationError as error:
        sentence = _("The source cannot be read: %(what)s.")
        raise Unprocessable(sentence % {"what": str(error)[:200]}, field="spec.source") from error
    given = [part for part in (parts.http, parts.virtual_machine_disk, parts.image, parts.upload) if part]
    if len(given) > 1:
        raise Unprocessable(_("A disk has one source or none."), field="spec.source")
    if parts.http:
        _check_http(parts.http)
    kept: dict[str, Any] = msgspec.to_builtins(parts)
    return kept


def _check_http(http: Http) -> None:
    try:
        check_url(http.url, allow_list())
    except ForbiddenAddress as error:
        raise Unprocessable(_(error.sentence), field="spec.source.http.url", reason="AddressForbidden") from error
    problem = rules.checksum_problem(http.checksum)
    if problem:
        raise Unprocessable(_(problem.sentence), field="spec.source.http.checksum", reason=problem.reason)
    for header in http.extra_headers:
        _header(header)
    if len(http.extra_headers) + len(http.secret_extra_headers) > _MOST_HEADERS:
        raise Unprocessable(_("There are too many headers."), field="spec.source.http.extraHeaders")


def _header(text: str) -> tuple[str, str]:
    """`Name: value`. Line ends would add headers of their own."""
    name, colon, value = text.partition(":")
    shape = colon and name and name.isascii() and name.replace("-", "").isalnum()
    if not shape or not value.isprintable() or len(text) > _HEADER_CHARS:
        raise Unprocessable(_("A header is written as “Name: value”."), field="spec.source.http.extraHeaders")
    return name.strip(), value.strip()


def upload_source(uid: UUID, checksum: str = "") -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins(SourceManifest(upload=OfUpload(uid, checksum)))
    return kept


def image_named(namespace: str, name: str, of_namespace: str = "") -> Image | None:
    """An own image before a public one of the same name."""
    own = Image.objects.filter(name=name, deletion_requested_at=None)
    if of_namespace and of_namespace != namespace:
        return own.filter(namespace=of_namespace, public=True).first()
    found = own.filter(namespace=namespace).first()
    return found if found or of_namespace else own.filter(public=True).order_by("created_at").first()


def refuse_missing(namespace: str, source: dict[str, Any], user: User) -> None:
    """What a person names must be there when they ask, and theirs to see."""
    parts = msgspec.convert(source, SourceManifest)
    if parts.image:
        image = image_named(namespace, parts.image.name, parts.image.namespace)
        if image is None or not Image.objects.visible_to(user).filter(uid=image.uid).exists():
            sentence = _("There is no image %(name)s. Choose one from the list of images.")
            raise Unprocessable(sentence % {"name": parts.image.name[:63]}, field="source", reason="ImageNotFound")
    if parts.virtual_machine_disk:
        name = parts.virtual_machine_disk.name
        if not VirtualMachineDisk.objects.filter(namespace=namespace, name=name).exists():
            sentence = _("There is no disk %(name)s in this namespace to copy.")
            raise Unprocessable(sentence % {"name": name[:63]}, field="source", reason="MachineDiskNotFound")


def least_size(namespace: str, source: dict[str, Any]) -> int:
    """How large the source is known to be; 0 when nobody knows yet."""
    parts = msgspec.convert(source, SourceManifest)
    if parts.image:
        image = image_named(namespace, parts.image.name, parts.image.namespace)
        return image.status_size_bytes if image else 0
    if parts.virtual_machine_disk:
        disk = VirtualMachineDisk.objects.filter(namespace=namespace, name=parts.virtual_machine_disk.name).first()
        return disk.size_bytes if disk else 0
    return 0


def for_runtime(namespace: str, source: dict[str, Any]) -> Source:
    """In the runtime's words, secrets revealed. SourceGone while what it names is not there or not finished."""
    parts = msgspec.convert(source, SourceManifest)
    if parts.http:
        return HttpSource(parts.http.url, tuple(_headers(namespace, parts.http)), parts.http.checksum)
    if parts.upload:
        return FileSource(str(parts.upload.uid), parts.upload.checksum)
    if parts.image:
        image = image_named(namespace, parts.image.name, parts.image.namespace)
        if image is None or not image.usable:
            raise SourceGone(_("Image %(name)s is not there or not finished yet.") % {"name": parts.image.name})
        return VolumeSource(image.uid)
    if parts.virtual_machine_disk:
        name = parts.virtual_machine_disk.name
        disk = VirtualMachineDisk.objects.filter(namespace=namespace, name=name).first()
        if disk is None or not disk.usable or disk.location:
            raise SourceGone(_("Disk %(name)s is not there or not finished yet.") % {"name": name})
        return VolumeSource(disk.uid)
    return BlankSource()


def _headers(namespace: str, http: Http) -> list[tuple[str, str]]:
    headers = [_header(text) for text in http.extra_headers]
    if http.secret_ref:
        data = _revealed(namespace, http.secret_ref)
        pair = f"{data.get('accessKeyId', '')}:{data.get('secretKey', '')}"
        headers.append(("Authorization", "Basic " + base64.b64encode(pair.encode()).decode()))
    for name in http.secret_extra_headers:
        headers += [_header(text) for text in _revealed(namespace, name).values()]
    return headers


def _revealed(namespace: str, name: str) -> dict[str, str]:
    data = secrets.reveal(namespace, name)
    if data is None:
        raise SourceGone(_("Secret %(name)s is not there.") % {"name": name})
    return data
