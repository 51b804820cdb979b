"""`image` and `upload`: what machines start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vmctl import waiting
from vmctl.errors import Exit, Failed, usage
from vmctl.frame import Command, group
from vmctl.options import Context, Format, Namespace, Output, Timeout, Wait, Yes
from vmctl.output import interactive, note, say, show_rows
from vmctl.session import Session
from vmctl.words import _

app = group(_("Images: list, add from a URL, delete."), no_args_is_help=True)
IMAGES = {
    "namespace": _("NAMESPACE"), "name": _("NAME"), "title": _("TITLE"), "os_type": _("SYSTEM"), "phase": _("PHASE"),
    "progress": "%", "size": _("SIZE"), "public": _("PUBLIC"), "created_at": _("AGE"),
}  # fmt: skip
Name = Annotated[str, typer.Argument(metavar="NAME", help=_("What to call it."))]
Checksum = Annotated[
    str, typer.Option(metavar="sha256:HEX", help=_("What its content must be; anything else is refused."))
]
Title = Annotated[str, typer.Option(metavar="WORDS", help=_("For people."))]
System = Annotated[str, typer.Option("--os-type", metavar="Linux|Windows", help=_("What runs in it."))]


@app.command("list", cls=Command, help=_("What you can start machines from."))
def images(output: Output = Format.TABLE, namespace: Namespace = "", context: Context = "") -> None:
    session = Session(context, namespace)
    query = {"namespace": namespace} if namespace else {}
    show_rows(list(session.api.pages("/api/v1/images", query)), IMAGES, output, wide=("os_type", "public"), name="name")


@app.command("add", cls=Command, help=_("Fetch one from a URL."))
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help=_("Where it is."))],
    checksum: Checksum = "", title: Title = "", os_type: System = "", wait: Wait = False,
    timeout: Timeout = 3600, namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    body = {"name": name, "namespace": session.namespace, "url": url, "checksum": checksum, "title": title,
            "os_type": os_type}  # fmt: skip
    session.api.json("POST", "/api/v1/images", json={key: value for key, value in body.items() if value})
    say(_("Image %(name)s is being fetched.") % {"name": name})
    if wait:
        _ready(session, name, timeout)


@app.command("delete", cls=Command, help=_("Take one out of the catalogue. Disks made from it stay."))
def delete(name: Name, yes: Yes = False, namespace: Namespace = "", context: Context = "") -> None:
    session = Session(context, namespace)
    if not yes and interactive():
        typer.confirm(_("Delete %(names)s?") % {"names": name}, abort=True)
    session.api.request("DELETE", _place(session, name))
    say(_("Image %(name)s is being deleted.") % {"name": name})


def _place(session: Session, name: str) -> str:
    from urllib.parse import quote

    return f"/api/v1/images/{quote(session.namespace, safe='')}/{quote(name, safe='')}"


def _ready(session: Session, name: str, timeout: int) -> None:
    import time

    end = time.monotonic() + timeout
    with waiting.progress(name) as tell:
        while time.monotonic() < end:
            image = session.api.get(_place(session, name))
            phase = str(image.get("phase", ""))
            tell(phase, image.get("progress"))
            if phase == "Succeeded":
                return
            if phase == "Failed":
                raise Failed(str(image.get("message") or _("The image could not be made.")))
            time.sleep(1)
    raise Failed(_("%(name)s was not there yet when the time was over.") % {"name": name}, "", Exit.TIMEOUT)


def upload(
    file: Annotated[str, typer.Argument(metavar="FILE", help=_("A disk image: qcow2, raw, or these compressed."))],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help=_("What to call it; after the file if not given."))
    ] = "",
    disk: Annotated[bool, typer.Option("--disk", help=_("Make a disk of it, not an image."))] = False,
    size: Annotated[str, typer.Option(metavar="SIZE", help=_("The disk's size, if larger than the file says."))] = "",
    checksum: Checksum = "", title: Title = "", os_type: System = "",
    namespace: Namespace = "", context: Context = "",
) -> None:  # fmt: skip
    from vmctl import tus

    session = Session(context, namespace)
    path = Path(file)
    try:
        length = path.stat().st_size
    except OSError as error:
        raise usage(_("%(file)s cannot be read: %(why)s.") % {"file": file, "why": error.strerror}) from error
    kind = "VirtualMachineDisk" if disk else "Image"
    name = name or _named_after(path)
    metadata: dict[str, Any] = {"filename": path.name, "kind": kind, "namespace": session.namespace, "name": name,
                                "size": size, "checksum": checksum, "title": title, "os_type": os_type}  # fmt: skip
    place = tus.begin(session.api, "/api/v1/uploads/", length, metadata)
    with waiting.progress(path.name) as tell:
        tus.send(session.api, place, path, lambda sent: tell(_sent(sent, length), 100 * sent / max(length, 1)))
    note(_("All of %(file)s is on the server, which looks through it now.") % {"file": path.name})
    say(f"{kind}/{name}")


def _sent(sent: int, length: int) -> str:
    return f"{sent >> 20} / {length >> 20} MiB"


def _named_after(path: Path) -> str:
    import re

    stem = path.name.lower()
    for ending in (".gz", ".xz", ".zst", ".bz2", ".qcow2", ".img", ".raw", ".iso", ".vmdk"):
        stem = stem.removesuffix(ending)
    return re.sub(r"[^a-z0-9-]+", "-", stem).strip("-")[:63] or "upload"
