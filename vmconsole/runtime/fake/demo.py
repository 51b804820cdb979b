"""A world full of machines, for demonstrations and for measuring long lists: the same one for the same number."""

from __future__ import annotations

from uuid import UUID, uuid5

from vmconsole.runtime.fake.records import Machine, fraction
from vmconsole.runtime.fake.world import GIB, World
from vmconsole.runtime.types import DiskSpec, MachineSpec, NicSpec, Power

_ORIGIN = UUID("6b0a4c1e-9d7f-4b57-8d0c-3f1c9e2b7a55")
_ROLES = ("web", "db", "cache", "build", "mail", "proxy", "batch", "git")
_NAMESPACES = ("default", "shop", "lab", "research")


def machine_of(number: int) -> Machine:
    uid = uuid5(_ORIGIN, str(number))
    vcpus = 2 ** int(fraction(uid, "vcpus") * 4)
    spec = MachineSpec(
        uid=uid,
        namespace=_NAMESPACES[int(fraction(uid, "namespace") * len(_NAMESPACES))],
        name=f"{_ROLES[number % len(_ROLES)]}-{number:05d}",
        vcpus=vcpus,
        memory_bytes=vcpus * GIB,
        disks=(DiskSpec(f"disk-{number:05d}", location=f"/fake/{uid}.qcow2", boot=True),),
        nics=(NicSpec("default", "pod-network", mac_of(number)),),
    )
    if fraction(uid, "power") < 0.3:
        return Machine(spec)
    return Machine(spec, running=spec, power=Power.ON, started_at=1_760_000_000 + 86_400 * fraction(uid, "start"))


def mac_of(number: int) -> str:
    return "52:54:00:" + ":".join(f"{byte:02x}" for byte in number.to_bytes(3, "big"))


def fill(world: World, count: int) -> None:
    """Put `count` machines there. Those there already stay."""
    with world.store.writing():
        world.machines.put_many({str(m.spec.uid): m for m in map(machine_of, range(count))})
