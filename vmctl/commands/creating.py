"""`create`: a machine from an image with a handful of flags, a disk, a namespace, or whatever a file says.

A machine and its disk are two objects. Both are checked by the server before either is made, and a disk whose machine
was refused after all is taken away again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vmctl import waiting
from vmctl.commands.making import _asked, wait_for
from vmctl.discovery import DISK, MACHINE, NAMESPACE, Resource
from vmctl.errors import Failed, usage
from vmctl.frame import Command, group
from vmctl.manifests import Manifest, title
from vmctl.options import Context, DryRun, Files, Format, Namespace, Output, Timeout, Wait
from vmctl.output import dump, note, say
from vmctl.session import Session
from vmctl.words import _

app = group(_("Make something new, from flags or manifests."), invoke_without_command=True)
CATALOGUE = "vm-system"  # where images for everybody are
Name = Annotated[str, typer.Argument(metavar="NAME", help=_("What to call it."))]
Image = Annotated[
    str, typer.Option("--image", metavar="NAME|URL", help=_("An image of the catalogue (or NAMESPACE/NAME), or a URL."))
]
Size = Annotated[str, typer.Option("--size", "--boot-disk-size", metavar="SIZE", help=_("The disk's size, as 20Gi."))]
Class = Annotated[str, typer.Option("--storage-class", metavar="NAME", help=_("The disk's storage class."))]
Asked = list[tuple[Resource, Manifest]]


@app.callback()
def create(
    ctx: typer.Context,
    files: Files = [],  # noqa: B006  # read only
    dry_run: DryRun = False,
    wait: Wait = False,
    timeout: Timeout = waiting.SECONDS,
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    if ctx.invoked_subcommand:
        return
    if not files:
        raise usage(_("Say what to create: “vm NAME”, “disk NAME”, “namespace NAME”, or -f FILE."))
    session = Session(context, namespace)
    make(session, _asked(session, files), dry_run=dry_run, wait=wait, timeout=timeout)


@app.command(cls=Command, help=_("A virtual machine from an image."))
def vm(
    name: Name,
    image: Image = "",
    disk: Annotated[str, typer.Option(metavar="NAME", help=_("Start from this disk instead of an image."))] = "",
    cpus: Annotated[int | None, typer.Option("--cpus", "--cpu", "--vcpu", min=1, help=_("How many."))] = None,
    memory: Annotated[str, typer.Option(metavar="SIZE", help=_("As 256Mi or 4Gi."))] = "",
    type_name: Annotated[str, typer.Option("--type", metavar="NAME", help=_("A machine type, for both."))] = "",
    size: Size = "",
    storage_class: Class = "",
    network: Annotated[str, typer.Option(metavar="NAME", help=_("The network; none without one."))] = "pod-network",
    ip: Annotated[str, typer.Option(metavar="ADDRESS", help=_("A fixed address in it."))] = "",
    os_type: Annotated[str, typer.Option(metavar="Linux|Windows", help=_("What runs in it."))] = "Linux",
    uefi: Annotated[bool, typer.Option("--uefi", help=_("UEFI firmware."))] = False,
    cloud_init_file: Annotated[str, typer.Option(metavar="FILE", help=_("cloud-init user data."))] = "",
    stopped: Annotated[bool, typer.Option("--stopped", help=_("Do not start it."))] = False,
    keep_disk: Annotated[bool, typer.Option("--keep-disk", help=_("Keep the disk when the machine goes."))] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
    wait: Wait = False,
    timeout: Timeout = waiting.SECONDS,
    namespace: Namespace = "",
    context: Context = "",
) -> None:
    session = Session(context, namespace)
    if bool(image) == bool(disk):
        raise usage(_("Name an image (--image) or a disk (--disk)."))
    if type_name and (cpus or memory):
        raise usage(_("A type has CPUs and memory already: leave --cpus and --memory out."))
    boot = disk or f"{name}-boot"
    compute: dict[str, Any] = {"virtualMachineTypeName": type_name} if type_name else {}
    if cpus:
        compute["cpu"] = {"vcpus": cpus}
    if memory:
        compute["memory"] = {"capacity": memory}
    attached: dict[str, Any] = {"virtualMachineDiskName": boot, "boot": True}
    if image and not keep_disk:
        attached["autoDelete"] = True
    spec: dict[str, Any] = {"osType": os_type, "compute": compute, "disks": [attached]}
    if network:
        card: dict[str, Any] = {"name": "eth0", "networkName": network, "default": True}
        spec["interfaces"] = [card | ({"ipAddresses": [ip]} if ip else {})]
    if uefi:
        spec["firmware"] = {"bootloader": {"type": "uefi"}}
    if cloud_init_file:
        spec["cloudInit"] = {"noCloud": {"userData": _text(cloud_init_file)}}
    if stopped:
        spec["runningState"] = "Stopped"
    asked = [(MACHINE, _manifest(MACHINE, name, session.namespace, spec))]
    if image:
        source = _disk_spec(session, image, size, storage_class)
        asked.insert(0, (DISK, _manifest(DISK, boot, session.namespace, source)))
    make(session, asked, dry_run=dry_run, wait=wait, timeout=timeout, output=output)


@app.command(cls=Command, help=_("A disk: empty, or with an image's content."))
def disk(
    name: Name, size: Size = "", image: Image = "", storage_class: Class = "", dry_run: DryRun = False,
    output: Output = Format.TABLE, wait: Wait = False, timeout: Timeout = waiting.SECONDS, namespace: Namespace = "",
    context: Context = "",
) -> None:  # fmt: skip
    session = Session(context, namespace)
    manifest = _manifest(DISK, name, session.namespace, _disk_spec(session, image, size, storage_class))
    make(session, [(DISK, manifest)], dry_run=dry_run, wait=wait, timeout=timeout, output=output)


@app.command(cls=Command, name="namespace", help=_("A namespace."))
def make_namespace(name: Name, dry_run: DryRun = False, output: Output = Format.TABLE, context: Context = "") -> None:
    make(Session(context), [(NAMESPACE, _manifest(NAMESPACE, name))], dry_run=dry_run, output=output)


def make(
    session: Session, asked: Asked, *, dry_run: bool = False, wait: bool = False, timeout: int = waiting.SECONDS,
    output: Format = Format.TABLE,
) -> None:  # fmt: skip
    if len(asked) > 1 or dry_run:
        for resource, manifest in asked:
            session.create(resource, manifest, dry_run=True)
    made: Asked = []
    for resource, manifest in [] if dry_run else asked:
        try:
            session.create(resource, manifest)
        except Failed:
            _take_back(session, made)
            raise
        made.append((resource, manifest))
    _tell([manifest for _resource, manifest in asked], asked, output, dry_run=dry_run)
    if wait and not dry_run:
        wait_for(session, asked, timeout)


def _take_back(session: Session, made: Asked) -> None:
    for resource, manifest in reversed(made):
        metadata = manifest["metadata"]
        try:
            session.api.request("DELETE", resource.path(metadata.get("namespace", ""), metadata["name"]))
        except Failed as failed:
            note(
                _("%(name)s was made and is still there: %(why)s") % {"name": title(resource, manifest), "why": failed}
            )


def _tell(manifests: list[Manifest], asked: Asked, output: Format, *, dry_run: bool) -> None:
    if output in (Format.YAML, Format.JSON):
        whole = manifests[0] if len(manifests) == 1 else {"apiVersion": "v1", "kind": "List", "items": manifests}
        typer.echo(dump(whole, output))
        return
    word = "" if output is Format.NAME else " " + (_("created (dry run)") if dry_run else _("created"))
    for resource, manifest in asked:
        say(title(resource, manifest) + word)


def _manifest(resource: Resource, name: str, namespace: str = "", spec: dict[str, Any] | None = None) -> Manifest:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    whole: Manifest = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    return whole | ({"spec": spec} if spec is not None else {})


def _disk_spec(session: Session, image: str, size: str, storage_class: str) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if size:
        spec["size"] = size
    if storage_class:
        spec["storageClassName"] = storage_class
    if image.startswith(("http://", "https://")):
        spec["source"] = {"http": {"url": image}}
    elif image:
        place, slash, name = image.rpartition("/")
        spec["source"] = {"image": {"name": name, "namespace": place if slash else _place_of(session, name)}}
    return spec


def _place_of(session: Session, name: str) -> str:
    """The image of one's own namespace before the one for everybody."""
    found = {one["namespace"] for one in session.api.pages("/api/v1/images", {"name": name}) if one["name"] == name}
    return (
        session.namespace
        if session.namespace in found or not found
        else CATALOGUE
        if CATALOGUE in found
        else min(found)
    )


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise usage(_("%(file)s cannot be read: %(why)s.") % {"file": file, "why": error}) from error
