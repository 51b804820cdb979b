"""What a domain looks like in our words: power, why it is off, how long it runs."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import libvirt

from vmconsole.runtime.libvirt import marks, parse
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.xml import DOMAIN_TYPES, read
from vmconsole.runtime.types import MachineSeen, MachineSpec, Power

POWERS = {
    libvirt.VIR_DOMAIN_NOSTATE: Power.UNKNOWN,
    libvirt.VIR_DOMAIN_RUNNING: Power.ON,
    libvirt.VIR_DOMAIN_BLOCKED: Power.ON,
    libvirt.VIR_DOMAIN_PAUSED: Power.PAUSED,
    libvirt.VIR_DOMAIN_SHUTDOWN: Power.STOPPING,
    libvirt.VIR_DOMAIN_SHUTOFF: Power.OFF,
    libvirt.VIR_DOMAIN_CRASHED: Power.CRASHED,
    libvirt.VIR_DOMAIN_PMSUSPENDED: Power.PAUSED,
}
STOP_REASONS = {
    libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN: "shutdown",
    libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED: "destroyed",
    libvirt.VIR_DOMAIN_SHUTOFF_CRASHED: "crashed",
    libvirt.VIR_DOMAIN_SHUTOFF_FAILED: "failed",
    libvirt.VIR_DOMAIN_SHUTOFF_DAEMON: "host",
}
HALT_REASONS = {
    libvirt.VIR_DOMAIN_PAUSED_IOERROR: "io-error",
    libvirt.VIR_DOMAIN_PAUSED_CRASHED: "panicked",
    libvirt.VIR_DOMAIN_PAUSED_WATCHDOG: "watchdog",
}
WHY = {libvirt.VIR_DOMAIN_SHUTOFF: STOP_REASONS, libvirt.VIR_DOMAIN_PAUSED: HALT_REASONS}
ACCELERATORS = {kind: name for name, kind in DOMAIN_TYPES.items()}
OFF = (Power.OFF, Power.CRASHED)


def power_of(state: int, reason: int) -> Power:
    if state == libvirt.VIR_DOMAIN_PAUSED and reason == libvirt.VIR_DOMAIN_PAUSED_STARTING_UP:
        return Power.STARTING
    return POWERS.get(state, Power.UNKNOWN)


def power(domain: libvirt.virDomain) -> Power:
    state, reason = domain.state()
    return power_of(state, reason)


def look(domain: libvirt.virDomain, places: Places, node: str) -> MachineSeen:
    """One look. Asks libvirtd only, never QEMU, so that a hung guest cannot hold it up."""
    state, reason = domain.state()
    now = power_of(state, reason)
    persistent = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    running = persistent if now in OFF else domain.XMLDesc(0)
    spec = parse.machine(persistent, places)
    live = read(running)
    ours = marks.read(live) is not None
    other = None if now in OFF else parse.spec_of(live, places)
    pending = other is not None and differs(spec, other)
    return MachineSeen(
        uid=spec.uid,
        name=domain.name(),
        power=now,
        spec=spec,
        revision=parse.revision(persistent),
        ours=ours,
        node=node,
        pending=pending,
        running=other if pending else None,
        stop_reason=WHY.get(state, {}).get(reason, ""),
        started_at=None if now in OFF else started_at(spec.uid, domain.name(), places),
        screen=parse.screen(live),
        accelerator=ACCELERATORS.get(live.get("type", ""), live.get("type", "")),
    )


def differs(persistent: MachineSpec, running: MachineSpec) -> bool:
    """Whether the next start brings other hardware. Order of devices is none: hot-plugged ones come last."""
    return _hardware(persistent) != _hardware(running)


def _hardware(spec: MachineSpec) -> tuple[object, ...]:
    disks = sorted((disk.name, disk.volume, disk.location, disk.bus, disk.read_only) for disk in spec.disks)
    nics = sorted((nic.mac, nic.network, nic.bridge, nic.model) for nic in spec.nics)
    seeded = spec.cloud_init is not None
    whole = (spec.vcpus, spec.memory_bytes, spec.chipset, spec.firmware, spec.secure_boot, spec.smbios_serial)
    return (*whole, [(str(d[1]), *d[:1], *d[2:]) for d in disks], nics, seeded)


def started_at(uid: UUID, name: str, places: Places) -> datetime | None:
    """When QEMU made its screen's socket, which we may see whoever we are; of a foreign machine, its pid file."""
    for file in (places.vnc(uid), *places.pid_files(name)):
        try:
            return datetime.fromtimestamp(file.stat().st_mtime, UTC)
        except OSError:
            continue
    return None
