"""The host: what it has, what is given away, and whether everything a machine needs is there."""

from __future__ import annotations

import platform
import shutil
import socket
from functools import cached_property
from typing import Any

import libvirt

from vmconsole.runtime.libvirt import checks
from vmconsole.runtime.libvirt.link import Link
from vmconsole.runtime.libvirt.networks import SYS_NET
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.libvirt.xml import DOMAIN_TYPES, read
from vmconsole.runtime.types import NodeSeen


class Nodes:
    def __init__(self, link: Link, places: Places) -> None:
        self._link = link
        self._places = places

    def look(self) -> NodeSeen:
        accelerator, _why = self._places.accelerator()
        (arch, memory_bytes, cpus), given, versions = self._link.look("look at the host", _ask)
        storage = shutil.disk_usage(self._places.state)
        facts = checks.Facts(
            places=self._places,
            memory_bytes=memory_bytes,
            promised_bytes=sum(info[1] * 1024 for info in given),
            storage_bytes=storage.total,
            storage_free_bytes=storage.free,
            firmware=self.firmware(),
        )
        return NodeSeen(
            name=socket.gethostname(),
            cpus=int(cpus),
            memory_bytes=facts.memory_bytes,
            arch=str(arch),
            hypervisor=versions,
            accelerator=accelerator,
            kernel=platform.release(),
            used_vcpus=sum(info[3] for info in given),
            used_memory_bytes=facts.promised_bytes,
            storage_bytes=facts.storage_bytes,
            storage_free_bytes=facts.storage_free_bytes,
            bridges=bridges(),
            checks=tuple(checks.run(facts)),
        )

    def firmware(self) -> frozenset[str]:
        """What firmware libvirt can give a q35 machine: "bios", "efi", "secure"."""
        return self._firmware

    @cached_property
    def _firmware(self) -> frozenset[str]:
        accelerator, _why = self._places.accelerator()
        said = read(
            self._link.look(
                "ask what the host can do",
                lambda host: host.getDomainCapabilities(None, "x86_64", "q35", DOMAIN_TYPES[accelerator]),
            )
        )
        efi = {"efi"} if "efi" in said.xpath("os/enum[@name='firmware']/value/text()") else set()
        secure = {"secure"} if "yes" in said.xpath("os/loader/enum[@name='secure']/value/text()") else set()
        return frozenset({"bios"} | efi | secure)


def _ask(host: libvirt.virConnect) -> tuple[tuple[Any, int, Any], list[list[int]], str]:
    """The host's hardware, what each running machine was given, and what runs them."""
    given = [domain.info() for domain in host.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)]
    versions = f"QEMU {_version(host.getVersion())}, libvirt {_version(host.getLibVersion())}"
    arch, _mib, cpus = host.getInfo()[:3]
    # Not getInfo's memory: on hosts without DMI it is what the kernel found first, not what it has now.
    memory_bytes = int(host.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)["total"]) * 1024
    return (arch, memory_bytes, cpus), given, versions


def _version(number: int) -> str:
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def bridges() -> tuple[str, ...]:
    """The host's bridges a machine could be plugged into."""
    try:
        return tuple(sorted(folder.parent.name for folder in SYS_NET.glob("*/bridge")))
    except OSError:
        return ()
