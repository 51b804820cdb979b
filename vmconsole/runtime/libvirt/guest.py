"""What the agent inside a guest says, cut to size.

Everything here was written by the guest, which may be hostile: lengths and numbers are capped, control characters
dropped, and nothing is waited for longer than a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import libvirt
import libvirt_qemu

from vmconsole.runtime.types import FileSystem, GuestNic, GuestSeen

PATIENCE_SECONDS = 1
LONGEST = 256
MOST = 64

USERS = libvirt.VIR_DOMAIN_GUEST_INFO_USERS
WANTED = (
    USERS
    | libvirt.VIR_DOMAIN_GUEST_INFO_OS
    | libvirt.VIR_DOMAIN_GUEST_INFO_TIMEZONE
    | libvirt.VIR_DOMAIN_GUEST_INFO_HOSTNAME
    | libvirt.VIR_DOMAIN_GUEST_INFO_FILESYSTEM
    | libvirt.VIR_DOMAIN_GUEST_INFO_INTERFACES
)


def ask(domain: libvirt.virDomain) -> GuestSeen:
    domain.agentSetResponseTimeout(PATIENCE_SECONDS)
    said = json.loads(libvirt_qemu.qemuAgentCommand(domain, '{"execute":"guest-info"}', PATIENCE_SECONDS, 0))
    # 0 asks for whatever this agent knows; asking by name fails as a whole when one of them is unknown
    return seen(domain.guestInfo(0), said.get("return", {}).get("version", ""))


def seen(info: dict[str, Any], version: object) -> GuestSeen:
    return GuestSeen(
        hostname=_text(info.get("hostname")),
        os_name=_text(info.get("os.pretty-name") or info.get("os.name")),
        kernel=_text(info.get("os.kernel-release")),
        timezone=_text(info.get("timezone.name")),
        agent_version=_text(version),
        users=tuple(sorted({_text(info.get(f"user.{n}.name")) for n in _each(info, "user")} - {""})),
        filesystems=tuple(_filesystem(info, n) for n in _each(info, "fs")),
        nics=tuple(_nic(info, n) for n in _each(info, "if")),
    )


def _filesystem(info: dict[str, Any], number: int) -> FileSystem:
    key = f"fs.{number}"
    return FileSystem(
        mountpoint=_text(info.get(f"{key}.mountpoint")),
        kind=_text(info.get(f"{key}.fstype")),
        total_bytes=_number(info.get(f"{key}.total-bytes")),
        used_bytes=_number(info.get(f"{key}.used-bytes")),
    )


def _nic(info: dict[str, Any], number: int) -> GuestNic:
    key = f"if.{number}"
    addresses = (_text(info.get(f"{key}.addr.{n}.addr")) for n in _each(info, f"{key}.addr"))
    return GuestNic(
        name=_text(info.get(f"{key}.name")),
        mac=_text(info.get(f"{key}.hwaddr")).lower(),
        addresses=tuple(address for address in addresses if address),
    )


def _each(info: dict[str, Any], key: str) -> Iterator[int]:
    return iter(range(min(_number(info.get(f"{key}.count")), MOST)))


def _text(value: object) -> str:
    return "".join(letter for letter in str(value or "")[:LONGEST] if letter.isprintable())


def _number(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0
