"""Machines that run nowhere but behave: they take a moment to start, and what cannot change live waits."""

from __future__ import annotations

import builtins
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from vmconsole.runtime.errors import Missing, Rejected
from vmconsole.runtime.fake.guest import guest_of
from vmconsole.runtime.fake.picture import picture_of
from vmconsole.runtime.fake.records import Machine, revision_of
from vmconsole.runtime.fake.world import World
from vmconsole.runtime.types import GuestSeen, MachineSeen, MachineSpec, Power

_GONE = "This machine is not on the runtime any more."
_LIVE_FIELDS = ("disks", "nics", "cloud_init", "name", "namespace")


class FakeMachines:
    def __init__(self, world: World) -> None:
        self._world = world
        self._shown: dict[str, tuple[Machine, MachineSeen]] = {}

    def list(self) -> builtins.list[MachineSeen]:
        self._world.faults.strike()
        now = self._world.clock()
        return [self._seen_again(key, machine, now) for key, machine in self._world.machines.all().items()]

    def get(self, uid: UUID) -> MachineSeen | None:
        self._world.faults.strike()
        machine = self._world.machines.get(str(uid))
        return None if machine is None else self._seen(machine, self._world.clock())

    def apply(self, spec: MachineSpec) -> None:
        self._world.faults.strike()
        now = self._world.clock()
        with self._world.store.writing():
            machine = self._world.machines.get(str(spec.uid))
            if machine is None:
                machine = Machine(spec)
            else:
                machine = machine.settled(now)
                running = machine.running and replace(
                    machine.running, **{name: getattr(spec, name) for name in _LIVE_FIELDS}
                )
                machine = replace(machine, spec=spec, running=running)
            self._world.machines.put(str(spec.uid), machine)

    def set_power(self, uid: UUID, power: Power, *, force: bool = False) -> None:
        self._world.faults.strike()
        now = self._world.clock()
        with self._world.store.writing():
            machine = self._found(uid).settled(now)
            seen = machine.power_at(now)
            if power is Power.ON and seen is Power.PAUSED:
                machine = replace(machine, power=Power.ON)
            elif power is Power.ON and seen in {Power.OFF, Power.CRASHED}:
                machine = self._start(machine, now)
            elif power is Power.PAUSED and seen is Power.ON:
                machine = replace(machine, power=Power.PAUSED)
            elif power is Power.OFF and machine.is_on(now):
                machine = self._stop(machine, seen, now, force=force)
            else:
                return
            self._world.machines.put(str(uid), machine)

    def reset(self, uid: UUID) -> None:
        self._again(uid)

    def reboot(self, uid: UUID) -> None:
        self._again(uid)

    def delete(self, uid: UUID) -> None:
        self._world.faults.strike()
        if self._world.machines.get(str(uid)) is not None:
            self._world.machines.drop(str(uid))

    def adopt(self, uid: UUID, namespace: str) -> None:
        self._world.faults.strike()
        with self._world.store.writing():
            machine = self._found(uid)
            spec = replace(machine.spec, namespace=namespace)
            running = machine.running and replace(machine.running, namespace=namespace)
            self._world.machines.put(str(uid), replace(machine, spec=spec, running=running, ours=True))

    def guest(self, uid: UUID) -> GuestSeen | None:
        self._world.faults.strike()
        machine, now = self._found(uid), self._world.clock()
        return guest_of(machine) if machine.power_at(now) is Power.ON else None

    def screenshot(self, uid: UUID) -> bytes:
        self._world.faults.strike()
        machine, now = self._found(uid), self._world.clock()
        if not machine.is_on(now):
            raise Rejected("The machine is off, so it has no screen. Start it first.")
        return picture_of(machine, now)

    # --- what people outside do: for tests and demonstrations ------------------------------------------------------

    def appear(self, spec: MachineSpec, *, power: Power = Power.OFF) -> None:
        """Somebody made a machine without us."""
        running = spec if power is not Power.OFF else None
        machine = Machine(spec, running, ours=False, power=power, started_at=self._world.clock())
        self._world.machines.put(str(spec.uid), machine)

    def happen(self, uid: UUID, power: Power, stop_reason: str = "") -> None:
        """It changed its power by itself: the guest shut down, it crashed, somebody started it."""
        with self._world.store.writing():
            machine, now = self._found(uid), self._world.clock()
            on = power in {Power.ON, Power.PAUSED}
            machine = replace(
                machine,
                power=power,
                settles_at=0.0,
                stop_reason=stop_reason,
                running=(machine.running or machine.spec) if on else None,
                started_at=machine.started_at if on and machine.running else now,
            )
            self._world.machines.put(str(uid), machine)

    # ------------------------------------------------------------------------------------------------------------------

    def _found(self, uid: UUID) -> Machine:
        machine = self._world.machines.get(str(uid))
        if machine is None:
            raise Missing(_GONE)
        return machine

    def _again(self, uid: UUID) -> None:
        self._world.faults.strike()
        now = self._world.clock()
        with self._world.store.writing():
            machine = self._found(uid)
            if not machine.is_on(now):
                raise Rejected("The machine is off. Start it instead.")
            self._world.machines.put(str(uid), replace(machine, started_at=now))

    def _start(self, machine: Machine, now: float) -> Machine:
        spec = machine.spec
        for disk in spec.disks:
            if disk.volume is not None and self._world.volumes.get(str(disk.volume)) is None:
                raise Rejected(f"The disk {disk.name} is missing.", reason="DiskMissing")
        for nic in spec.nics:
            if nic.network and not nic.bridge and self._world.networks.get(nic.network) is None:
                raise Rejected(f"The network {nic.network} is missing.", reason="NetworkMissing")
        if self._world.faults.now.no_memory or spec.memory_bytes > self._world.free_memory_bytes(now):
            raise Rejected(
                "The host has not enough free memory to start this machine. Stop another machine or give it less.",
                reason="InsufficientMemory",
            )
        settles_at = now + self._world.transition_seconds
        return replace(
            machine, power=Power.ON, running=spec, settles_at=settles_at, started_at=settles_at, stop_reason=""
        )

    def _stop(self, machine: Machine, seen: Power, now: float, *, force: bool) -> Machine:
        if force:
            return replace(machine, power=Power.OFF, settles_at=0.0, running=None, stop_reason="destroyed")
        if seen in {Power.STOPPING, Power.PAUSED, Power.STARTING} or self._world.faults.now.deaf:
            return machine  # nobody in there listens
        return replace(
            machine, power=Power.OFF, settles_at=now + self._world.transition_seconds, stop_reason="shutdown"
        )

    def _seen_again(self, key: str, machine: Machine, now: float) -> MachineSeen:
        """What was shown before, for a machine that rests: 100,000 of them are listed in no time."""
        shown = self._shown.get(key)
        if shown is not None and shown[0] is machine:
            return shown[1]
        seen = self._seen(machine, now)
        if now >= machine.settles_at:
            self._shown[key] = (machine, seen)
        return seen

    def _seen(self, machine: Machine, now: float) -> MachineSeen:
        machine = machine.settled(now)
        power = machine.power_at(now)
        spec = machine.spec
        return MachineSeen(
            uid=spec.uid,
            name=f"{spec.namespace}_{spec.name}" if machine.ours else spec.name,
            power=power,
            spec=spec,
            revision=revision_of(spec),
            ours=machine.ours,
            node=self._world.node_name,
            pending=machine.pending,
            running=machine.running if machine.pending else None,
            stop_reason=machine.stop_reason if power in {Power.OFF, Power.CRASHED, Power.PAUSED} else "",
            started_at=datetime.fromtimestamp(machine.started_at, UTC) if power in {Power.ON, Power.PAUSED} else None,
            accelerator="fake" if machine.is_on(now) else "",
        )
