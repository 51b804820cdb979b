"""Tells those below who a uid is: the gateway where its consoles listen, the statistics what it is called."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from inventory.marks import of_machine
from inventory.models import VirtualMachine
from observability import marks, subjects
from observability.collector import Name
from vmconsole.gateway import targets
from vmconsole.gateway.targets import ConsoleTarget


def console_of(uid: UUID) -> ConsoleTarget | None:
    vm = VirtualMachine.objects.living().filter(uid=uid).first()
    if vm is None:
        return None
    screen = vm.status_screen
    return ConsoleTarget(
        namespace=vm.namespace,
        name=vm.name,
        running=not vm.is_off,
        vnc_socket=screen.get("vnc_socket", ""),
        vnc_port=screen.get("vnc_port", 0),
        serial_socket=screen.get("serial_socket", ""),
        serial_log=screen.get("serial_log", ""),
        has_screen=vm.managed or bool(screen.get("vnc_socket") or screen.get("vnc_port")),
        has_serial=vm.managed or bool(screen.get("serial_socket")),
    )


def namespaces_of(uids: Collection[UUID]) -> dict[UUID, str]:
    return dict(VirtualMachine.objects.living().filter(uid__in=uids).values_list("uid", "namespace"))


def names() -> dict[UUID, Name]:
    """Labels of every machine, for /metrics."""
    rows = VirtualMachine.objects.values_list("uid", "namespace", "name", "status_node")
    return {uid: Name(namespace, name, node) for uid, namespace, name, node in rows.iterator()}


def name_of(uid: UUID) -> Name | None:
    """Labels of one machine, for its charts."""
    row = VirtualMachine.objects.filter(uid=uid).values_list("namespace", "name", "status_node").first()
    return Name(*row) if row else None


def trashed(uids: Collection[UUID]) -> set[UUID]:
    """Which of these machines are in the trash, for who shows what they keep from others."""
    return set(VirtualMachine.objects.trashed().filter(uid__in=uids).values_list("uid", flat=True)) if uids else set()


def register() -> None:
    targets.register("VirtualMachine", console_of, namespaces_of)
    subjects.register(name_of, trashed)
    marks.register(of_machine)
