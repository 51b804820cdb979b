"""What can be asked of a machine beside its manifest: power, guest and screen, on KubeVirt's addresses and codes.

Every one calls the service that the pages call. A power verb is answered as soon as its wish is written down (202);
what becomes of it is told by a watch, and by the operation.
"""

from __future__ import annotations

import platform
from typing import Any, Final

import msgspec
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from apiserver.answers import encoded
from apiserver.bodies import body_of
from apiserver.consoles import GROUP, VERSIONS
from apiserver.door import door
from apiserver.kinds import asking_in
from apiserver.kinds.kubevirt import VM, VMI
from apiserver.reading import found
from apiserver.status import BadRequest
from inventory.models import VirtualMachine
from inventory.rules import Verb
from inventory.services.power import power
from observability import controller
from vmconsole.access.errors import Conflict, Declined
from vmconsole.access.rights import Right, require

LONGEST_GRACE: Final = 86_400
# Sub-resource: what it asks for. A soft reboot asks the guest to shut down and starts it again.
POWER: Final = {
    "virtualmachines": {"start": Verb.START, "stop": Verb.STOP, "restart": Verb.RESTART},
    "virtualmachineinstances": {
        "pause": Verb.PAUSE, "unpause": Verb.RESUME, "softreboot": Verb.RESTART, "reset": Verb.RESET,
    },
}  # fmt: skip
VERSION: Final = {
    "gitVersion": "v1.6.0+vmconsole",  # whose behaviour we follow
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "",
    "goVersion": "",
    "compiler": f"python{platform.python_version()}",
    "platform": f"linux/{platform.machine()}",
}


class Unavailable(Declined):
    """It could be had, but not now."""

    default_reason = "ServiceUnavailable"
    default_status = 503


class Wanted(msgspec.Struct, rename="camel"):
    """What KubeVirt's options of power verbs have in common. Null means the same as not said."""

    grace_period: int | None = None
    grace_period_seconds: int | None = None
    paused: bool | None = None
    dry_run: list[str] | None = None

    @property
    def grace(self) -> int | None:
        return self.grace_period if self.grace_period is not None else self.grace_period_seconds


def wanted_of(request: HttpRequest) -> Wanted:
    body = {} if request.body.strip() in (b"", b"null") else body_of(request, optional=True)
    try:
        wanted = msgspec.convert(body, Wanted)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error
    if wanted.grace is not None and not 0 <= wanted.grace <= LONGEST_GRACE:
        raise BadRequest(_("The grace period must be 0 to 86400 seconds."), field="gracePeriod")
    if wanted.paused:
        raise BadRequest(_("A machine cannot be started paused here. Start it, then pause it."), field="paused")
    if set(wanted.dry_run or ()) - {"All"}:
        raise BadRequest(_("dryRun: Unsupported value: supported values: “All”"), field="dryRun")
    return wanted


def asked(request: HttpRequest, namespace: str, name: str, verb: Verb) -> HttpResponseBase:
    asking = asking_in(request)
    vm: VirtualMachine = found(asking, VM, namespace, name)
    wanted = wanted_of(request)
    if verb is Verb.STOP and wanted.grace == 0:
        verb = Verb.FORCE_STOP
    with transaction.atomic():
        power(asking.user, asking.actor, vm, verb, grace_seconds=wanted.grace)
        transaction.set_rollback(bool(wanted.dry_run))
    return HttpResponse(status=202)


def guest_of(request: HttpRequest, namespace: str, name: str) -> dict[str, Any]:
    asking = asking_in(request)
    vm: VirtualMachine = found(asking, VMI, namespace, name)
    if not vm.status_guest:
        raise Conflict(_("VMI does not have guest agent connected"), reason="AgentNotConnected")
    return dict(vm.status_guest)


def listed(kind: str, items: list[dict[str, Any]]) -> HttpResponse:
    return encoded({"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": {}, "items": items})


def file_systems(guest: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "diskName": "",
            "mountPoint": each["mountpoint"],
            "fileSystemType": each["kind"],
            "usedBytes": each["used_bytes"],
            "totalBytes": each["total_bytes"],
        }
        for each in guest.get("filesystems", [])
    ]


def users(guest: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"userName": name} for name in guest.get("users", [])]


def guestosinfo(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    guest = guest_of(request, namespace, name)
    system = {
        "name": guest.get("os_name", "").partition(" ")[0],
        "prettyName": guest.get("os_name", ""),
        "kernelRelease": guest.get("kernel", ""),
    }
    return encoded(
        {
            "kind": "VirtualMachineInstanceGuestAgentInfo",
            "apiVersion": f"{GROUP}/v1",
            "guestAgentVersion": guest.get("agent_version", ""),
            "hostname": guest.get("hostname", ""),
            "os": {key: value for key, value in system.items() if value},
            "timezone": guest.get("timezone", ""),
            "userList": users(guest),
            "fsInfo": {"disks": file_systems(guest)},
        }
    )


def filesystemlist(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    return listed("VirtualMachineInstanceFileSystemList", file_systems(guest_of(request, namespace, name)))


def userlist(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    return listed("VirtualMachineInstanceGuestOSUserList", users(guest_of(request, namespace, name)))


def screenshot(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """Looking at the screen is looking into the machine: it needs the right to its console."""
    asking = asking_in(request)
    vm: VirtualMachine = found(asking, VM, namespace, name)
    require(asking.user, Right.CONSOLE, namespace)
    if vm.is_off:
        raise BadRequest(_("VM is not running"))
    try:
        return HttpResponse(controller.screenshot(vm.uid), content_type="image/png")
    except controller.Silent as error:
        raise Unavailable(_("There is no picture of its screen just now.")) from error


def upgrade(request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """Knocked at without a websocket."""
    asking = asking_in(request)
    found(asking, VM, namespace, name)
    require(asking.user, Right.CONSOLE, namespace)
    raise BadRequest(_("Upgrade request required"))


def version(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001
    return encoded(VERSION)


READ: Final = {
    "guestosinfo": guestosinfo,
    "filesystemlist": filesystemlist,
    "userlist": userlist,
    "vnc/screenshot": screenshot,
    "vnc": upgrade,
    "console": upgrade,
}


def doors() -> list[URLPattern]:
    return [each for number in VERSIONS for each in _doors_of(number)]


def _doors_of(number: str) -> list[URLPattern]:
    """KubeVirt's two versions differ in nothing but their name."""
    root, mark = f"apis/{GROUP}/{number}", "" if number == "v1" else f"_{number}"
    patterns = [path(f"{root}/version", door(("GET",))(version), name=f"kubevirt_version{mark}")]
    for plural, verbs in POWER.items():
        inside = f"{root}/namespaces/<str:namespace>/{plural}/<str:name>"
        for word, verb in verbs.items():
            view = door(("PUT",), kind=VM)(asked)
            patterns.append(path(f"{inside}/{word}", view, {"verb": verb}, name=f"kubevirt_{word}{mark}"))
    for word, read in READ.items():
        label = f"kubevirt_{word.replace('/', '_')}{mark}"
        patterns.append(path(f"{inside}/{word}", door(("GET",), kind=VMI)(read), name=label))
    return patterns


def resources() -> list[dict[str, Any]]:
    """For discovery: name, scope and verbs."""
    power_verbs = [(f"{plural}/{word}", "update") for plural, verbs in POWER.items() for word in verbs]
    reads = [(f"virtualmachineinstances/{word}", "get") for word in READ]
    found = [{"name": name, "namespaced": True, "verbs": [verb]} for name, verb in [*power_verbs, *reads]]
    found.append({"name": "version", "namespaced": False, "verbs": ["get"]})
    return [{"singularName": "", "kind": "", **each} for each in found]
