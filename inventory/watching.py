"""What the controller does: hear the runtime's hints, look at everything now and then, keep the house.

Hints come on the driver's thread and may repeat or be missed; each asks for one look, and the resync finds what no
hint told. Nothing here decides: whoever is not as wished is rung for (`operations.loop`).
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from django.db import close_old_connections
from django.utils import timezone

from inventory.models import VirtualMachine
from inventory.observe import addresses, cards_of, record_all, record_foreign, record_seen, record_unreachable
from inventory.services.asking import KIND, tell
from inventory.services.trash import purge_due
from inventory.services.types import ensure_predefined
from networking.services import ensure_pod_network
from observability import changes, housekeeping, vitals
from storage.classes import ensure_local
from vmconsole.operations import loop
from vmconsole.operations.services import open_of
from vmconsole.runtime import connect
from vmconsole.runtime.errors import RuntimeFault
from vmconsole.runtime.models import Node, Runtime
from vmconsole.runtime.types import NodeSeen, Power

log = logging.getLogger(__name__)

RESYNC = 30.0  # what no hint told is found this late at the latest; less costs idle CPU
UNKNOWN_AFTER = 3.0  # a runtime that restarts is back sooner, and no state should flicker for it
AFTER_LOSS = 1.0  # the runtime did not answer: look again this soon, so that states are right soon after it is back
HOUSEKEEPING = 60.0
GUEST_EVERY = timedelta(seconds=60)
TOGETHER = 0.02  # hints come in bursts: those for one machine within this time are one look


class Watcher:
    """One runtime, watched. `run` until `stop` is set."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self.stopped = stopped
        self.hints: queue.SimpleQueue[UUID | None] = queue.SimpleQueue()
        self.reachable = True
        self.unknown_after = UNKNOWN_AFTER
        self.lost_at: float | None = None

    def run(self) -> None:
        ensure_pod_network()
        ensure_predefined()
        ensure_local()
        runtime = connect.only()
        watching = False
        due_resync = due_house = 0.0
        while not self.stopped():
            close_old_connections()
            now = time.monotonic()
            if not watching:
                watching = self._begin(runtime)
            if now >= due_resync:
                self.reachable = self.resync(runtime)
                due_resync = time.monotonic() + (RESYNC if self.reachable else AFTER_LOSS)
            if now >= due_house:
                housekeeping.run()
                purge_due()
                due_house = now + HOUSEKEEPING
            vitals_due = min(due_resync, due_house) - time.monotonic()
            if None in self._heard(max(0.05, min(vitals_due, 1.0)), runtime):
                due_resync = 0.0

    def _begin(self, runtime: Runtime) -> bool:
        try:
            connect.connect(runtime).watch(self.hints.put)
        except RuntimeFault as fault:
            log.warning("runtime.watch", extra={"fault": str(fault)})
            return False
        return True

    def _heard(self, patience: float, runtime: Runtime) -> set[UUID | None]:
        """Wait for hints, then look at each machine named. None among them: look at everything."""
        try:
            heard: set[UUID | None] = {self.hints.get(timeout=patience)}
        except queue.Empty:
            return set()
        time.sleep(TOGETHER)
        while not self.hints.empty():
            heard.add(self.hints.get_nowait())
        for uid in heard - {None}:
            if uid:
                look(runtime, uid)
        return heard

    def resync(self, runtime: Runtime) -> bool:
        """List the runtime once, store it, ring for whoever is not as wished. False: it does not answer."""
        loop.ring_for_life()
        with vitals.timed("resync"):
            try:
                connection = connect.connect(runtime)
                machines, nodes = connection.machines.list(), connection.nodes()
            except RuntimeFault as fault:
                self.lost_at = self.lost_at or time.monotonic()
                if time.monotonic() - self.lost_at >= self.unknown_after:
                    _unreachable(runtime, fault)
                return False
            self.lost_at = None
            Runtime.objects.filter(uid=runtime.uid).update(
                status_reachable=True, status_message="", status_as_of=timezone.now()
            )
            for seen in nodes:
                record_node(runtime, seen)
            for uid in record_all(runtime, machines):
                loop.ring(KIND, uid)
            loop.resync()
            refresh_guests(runtime)
        vitals.beat("controller")
        return True


def look(runtime: Runtime, uid: UUID) -> None:
    """Something may have happened to this machine: see, store, and ring when it is not as wished."""
    try:
        seen = connect.connect(runtime).machines.get(uid)
    except RuntimeFault as fault:
        log.info("hint.unanswered", extra={"fault": str(fault)})
        return
    vm = VirtualMachine.objects.filter(uid=uid).first()
    if vm is None:
        if seen is None:
            return
        vm = record_foreign(runtime, seen)
    operation = open_of(uid)
    record_seen(vm, seen, operation=operation)
    if seen and seen.power is Power.ON and not vm.status_guest:
        refresh_guest(runtime, vm)  # this hint may be its agent, just come up
    if vm.managed:
        loop.ring(KIND, uid)
    elif seen is None:
        vm.delete()
        vm.uid = uid
        tell(vm, "DELETED")


def _unreachable(runtime: Runtime, fault: RuntimeFault) -> None:
    log.warning("runtime.unreachable", extra={"fault": str(fault)})
    Runtime.objects.filter(uid=runtime.uid).update(status_reachable=False, status_message=fault.public)
    record_unreachable(runtime, fault.public)


def record_node(runtime: Runtime, seen: NodeSeen) -> None:
    status = {
        "status_cpus": seen.cpus,
        "status_memory_bytes": seen.memory_bytes,
        "status_used_vcpus": seen.used_vcpus,
        "status_used_memory_bytes": seen.used_memory_bytes,
        "status_storage_bytes": seen.storage_bytes,
        "status_storage_free_bytes": seen.storage_free_bytes,
        "status_arch": seen.arch,
        "status_hypervisor": seen.hypervisor,
        "status_accelerator": seen.accelerator,
        "status_kernel": seen.kernel,
        "status_bridges": list(seen.bridges),
        "status_checks": [asdict(check) for check in seen.checks],
    }
    node, _made = Node.objects.get_or_create(runtime=runtime, name=seen.name)
    volatile = ("status_storage_free_bytes",)
    news = any(getattr(node, key) != value for key, value in status.items() if key not in volatile)
    Node.objects.filter(pk=node.pk).update(**status, status_as_of=timezone.now())
    if news:
        changes.changed("Node", str(node.pk), node.name, "", "MODIFIED")


def refresh_guests(runtime: Runtime) -> None:
    """Ask the agents of running machines, those first that were not asked for longest; a few at a time."""
    due = timezone.now() - GUEST_EVERY
    running = VirtualMachine.objects.filter(runtime=runtime, status_power=Power.ON)
    never = running.filter(status_guest_as_of=None)
    for vm in [*never[:10], *running.filter(status_guest_as_of__lt=due).order_by("status_guest_as_of")[:10]]:
        refresh_guest(runtime, vm)


def refresh_guest(runtime: Runtime, vm: VirtualMachine) -> None:
    """Ask one machine's agent; it answers at once or not at all."""
    try:
        said = connect.connect(runtime).machines.guest(vm.uid)
    except RuntimeFault:
        return
    guest = asdict(said) if said else {}
    answered = {"status_agent_at": timezone.now()} if guest else {}
    before, vm.status_guest = vm.status_guest, guest
    status = {
        "status_guest": guest,
        "status_guest_as_of": timezone.now(),
        "status_addresses": addresses(vm, cards_of(vm)),
    }
    news = guest != before or status["status_addresses"] != vm.status_addresses
    VirtualMachine.objects.filter(uid=vm.uid).update(**status, **answered)
    if news:
        tell(vm)
