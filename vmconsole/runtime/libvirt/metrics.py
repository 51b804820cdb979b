"""Counters of all running machines in one bulk call, which no hung QEMU may hold up.

libvirt asks each QEMU in turn. NOWAIT skips machines that somebody else waits for already, but the first to ask a hung
one waits without end; so the call has a deadline, and whoever is found waiting for QEMU is left out until it answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import libvirt
from lxml import etree

from vmconsole.runtime import procfs
from vmconsole.runtime.errors import Missing, Rejected, RuntimeFault, Stale
from vmconsole.runtime.libvirt import looks, marks, parse
from vmconsole.runtime.libvirt.faults import QemuSilent, answered, hangs, translated
from vmconsole.runtime.libvirt.link import Link
from vmconsole.runtime.libvirt.xml import read
from vmconsole.runtime.types import DiskSample, HostSample, NicSample, Sample

# Never 0, which means all: three times the price for four more figures.
GROUPS = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)
NOWAIT = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
# 50 guests answer in 0.4 s on two busy cores; each may take this much more before the pass is called stuck.
PATIENCE = 1.0
PATIENCE_EACH = 0.05
RUNNING = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
# After a pass got stuck, each machine is looked at before it is asked: a millisecond each, so not for ever.
WARY = 60.0
# Passes until all that hang are known. One more than could reasonably begin to hang at the same moment.
TRIES = 4


Stats = list[tuple[libvirt.virDomain, dict[str, Any]]]


class Names(NamedTuple):
    """What libvirt calls a device now -> what we call it."""

    disks: Mapping[str, str]
    nics: Mapping[str, str]


class Metrics:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._names: dict[tuple[UUID, int], tuple[int, Names]] = {}
        self._wary_until = 0.0
        self._running = 0

    def sample(self, uids: Iterable[UUID] | None = None) -> list[Sample]:
        wanted = None if uids is None else frozenset(uids)
        for _try in range(TRIES):
            with suppress(QemuSilent):
                stats = self._link.look("read the counters", lambda host: self._ask(host, wanted))
                at = time.time()
                return [self._sample(domain, figures, at) for domain, figures in stats]
            self._wary_until = time.monotonic() + WARY
        return []

    def host(self) -> HostSample | None:
        return procfs.look()

    def _ask(self, host: libvirt.virConnect, wanted: frozenset[UUID] | None) -> Stats:
        """All that answer, but those known to hang. QemuSilent when another one turns out to."""
        wary = time.monotonic() < self._wary_until
        if wanted is None and not wary:
            patience = PATIENCE + PATIENCE_EACH * self._running
            stats = answered(lambda: host.getAllDomainStats(GROUPS, NOWAIT | RUNNING), within=patience)
            self._running = len(stats)
            return stats
        domains = host.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        if wanted is not None:
            domains = [domain for domain in domains if UUID(bytes=domain.UUID()) in wanted]
        if wary:
            domains = [domain for domain in domains if not _hangs(domain)]
        if not domains:
            return []
        patience = PATIENCE + PATIENCE_EACH * len(domains)
        return answered(lambda: host.domainListGetStats(domains, GROUPS, NOWAIT), within=patience)

    def _sample(self, domain: libvirt.virDomain, figures: dict[str, Any], at: float) -> Sample:
        uid = UUID(bytes=domain.UUID())
        return sample_of(uid, figures, at, self._named(domain, uid, figures))

    def _named(self, domain: libvirt.virDomain, uid: UUID, figures: dict[str, Any]) -> Names:
        """Names of the machine's devices; read again when devices came or went, or another QEMU runs."""
        key = (uid, domain.ID())
        devices = hash(tuple(value for name, value in figures.items() if name.endswith((".name", ".path"))))
        cached = self._names.get(key)
        if cached and cached[0] == devices:
            return cached[1]
        try:
            with translated("look at a machine's devices"):
                names = names_of(domain.XMLDesc(0))
        except RuntimeFault:
            return Names({}, {})
        self._names = {other: value for other, value in self._names.items() if other[0] != uid}
        self._names[key] = (devices, names)
        return names


def _hangs(domain: libvirt.virDomain) -> bool:
    """One that went away meanwhile has no counters either."""
    try:
        with translated("look at a machine"):
            return hangs(domain)
    except (Missing, Rejected, Stale):
        return True


@lru_cache(maxsize=1024)
def names_of(text: str) -> Names:
    domain = read(text)
    ours = marks.read(domain)
    disks = {parse.target(disk): parse.disk_name(disk, ours) for disk in parse.disks(domain)}
    nics = {_device(nic): parse.nic_of(nic, ours, n).name for n, nic in enumerate(parse.nics(domain))}
    return Names(disks, nics)


def _device(nic: etree._Element) -> str:
    target = nic.find("target")
    return "" if target is None else target.get("dev", "")


def sample_of(uid: UUID, figures: dict[str, Any], at: float, names: Names) -> Sample:
    vcpus = int(figures.get("vcpu.current", 0))
    return Sample(
        uid=uid,
        at=at,
        power=looks.power_of(figures.get("state.state", 0), figures.get("state.reason", 0)),
        cpu_seconds=figures.get("cpu.time", 0) / 1e9,
        vcpus=vcpus,
        vcpu_seconds=tuple(figures.get(f"vcpu.{n}.time", 0) / 1e9 for n in range(vcpus)),
        vcpu_delays=_all_told(figures, "delay", vcpus),
        vcpu_waits=_all_told(figures, "wait", vcpus),
        memory_domain_bytes=figures.get("balloon.current", 0) * 1024,
        memory_resident_bytes=_kib(figures, "balloon.rss"),
        memory_available_bytes=_kib(figures, "balloon.available"),
        memory_unused_bytes=_kib(figures, "balloon.unused"),
        memory_usable_bytes=_kib(figures, "balloon.usable"),
        swap_in_bytes=_kib(figures, "balloon.swap_in"),
        swap_out_bytes=_kib(figures, "balloon.swap_out"),
        disks=tuple(_disk(figures, key, names) for key in _told(figures)),
        nics=tuple(_nic(figures, f"net.{n}", names) for n in range(figures.get("net.count", 0))),
    )


def _all_told(figures: dict[str, Any], what: str, vcpus: int) -> tuple[float, ...]:
    """Of each virtual CPU, in seconds; nothing when the kernel does not count it for all."""
    found = [figures.get(f"vcpu.{n}.{what}") for n in range(vcpus)]
    return () if None in found else tuple(value / 1e9 for value in found if value is not None)


def _kib(figures: dict[str, Any], key: str) -> int | None:
    value = figures.get(key)
    return None if value is None else int(value) * 1024


def _told(figures: dict[str, Any]) -> list[str]:
    """Disks whose counters came. Of a machine that is busy for somebody else libvirt tells only their names, and zeros
    would look like a restart."""
    keys = (f"block.{n}" for n in range(figures.get("block.count", 0)))
    return [key for key in keys if f"{key}.rd.reqs" in figures]


def _disk(figures: dict[str, Any], key: str, names: Names) -> DiskSample:
    target = figures.get(f"{key}.name", "")
    return DiskSample(
        name=names.disks.get(target, target),
        read_bytes=figures.get(f"{key}.rd.bytes", 0),
        write_bytes=figures.get(f"{key}.wr.bytes", 0),
        read_requests=figures.get(f"{key}.rd.reqs", 0),
        write_requests=figures.get(f"{key}.wr.reqs", 0),
        flush_requests=figures.get(f"{key}.fl.reqs", 0),
        read_seconds=figures.get(f"{key}.rd.times", 0) / 1e9,
        write_seconds=figures.get(f"{key}.wr.times", 0) / 1e9,
        capacity_bytes=figures.get(f"{key}.capacity", 0),
        allocated_bytes=figures.get(f"{key}.allocation", 0),
    )


def _nic(figures: dict[str, Any], key: str, names: Names) -> NicSample:
    """libvirt says it for guests: rx is what the guest received."""
    device = figures.get(f"{key}.name", "")
    return NicSample(
        name=names.nics.get(device, device),
        receive_bytes=figures.get(f"{key}.rx.bytes", 0),
        transmit_bytes=figures.get(f"{key}.tx.bytes", 0),
        receive_packets=figures.get(f"{key}.rx.pkts", 0),
        transmit_packets=figures.get(f"{key}.tx.pkts", 0),
        receive_errors=figures.get(f"{key}.rx.errs", 0),
        transmit_errors=figures.get(f"{key}.tx.errs", 0),
        receive_dropped=figures.get(f"{key}.rx.drop", 0),
        transmit_dropped=figures.get(f"{key}.tx.drop", 0),
    )
