"""What the agent in a machine that does not exist would say."""

from __future__ import annotations

import hashlib

from vmconsole.runtime.fake.records import Machine, fraction
from vmconsole.runtime.types import FileSystem, GuestNic, GuestSeen, NicSpec

_SYSTEMS = (
    ("Debian GNU/Linux 12 (bookworm)", "6.1.0-28-amd64"),
    ("Ubuntu 24.04.1 LTS", "6.8.0-49-generic"),
    ("Rocky Linux 9.5 (Blue Onyx)", "5.14.0-503.14.1.el9_5.x86_64"),
)
_DISK_BYTES = 20 * 2**30


def guest_of(machine: Machine) -> GuestSeen:
    spec = machine.running or machine.spec
    os_name, kernel = _SYSTEMS[int(fraction(spec.uid, "os") * len(_SYSTEMS))]
    used = int(_DISK_BYTES * (0.1 + 0.8 * fraction(spec.uid, "filesystem")))
    return GuestSeen(
        hostname=spec.cloud_init.hostname if spec.cloud_init and spec.cloud_init.hostname else spec.name,
        os_name=os_name,
        kernel=kernel,
        timezone="UTC",
        agent_version="8.2.2",
        users=("admin",) if fraction(spec.uid, "user") > 0.5 else (),
        filesystems=(FileSystem("/", "ext4", _DISK_BYTES, used),),
        nics=tuple(GuestNic(f"eth{i}", nic.mac, addresses_of(nic)) for i, nic in enumerate(spec.nics)),
    )


def addresses_of(nic: NicSpec) -> tuple[str, ...]:
    """The address it was given, or one that follows from its MAC, as a DHCP server with a long memory would."""
    if nic.addresses:
        return nic.addresses
    number = int.from_bytes(hashlib.blake2b(nic.mac.encode(), digest_size=2).digest(), "big") % 1000
    return (f"10.76.{number // 250}.{number % 250 + 2}",)
