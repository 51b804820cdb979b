"""Switches in name only. Leases are those a DHCP server would have given to the machines that run."""

from __future__ import annotations

import builtins

from vmconsole.runtime.fake.guest import addresses_of
from vmconsole.runtime.fake.records import Network
from vmconsole.runtime.fake.world import World
from vmconsole.runtime.types import NetworkMode, NetworkSeen, NetworkSpec, Reservation


class FakeNetworks:
    def __init__(self, world: World) -> None:
        self._world = world

    def list(self) -> builtins.list[NetworkSeen]:
        self._world.faults.strike()
        leases = self._leases()
        return [self._seen(network, leases) for network in self._world.networks.all().values()]

    def get(self, name: str) -> NetworkSeen | None:
        self._world.faults.strike()
        network = self._world.networks.get(name)
        return None if network is None else self._seen(network, self._leases())

    def apply(self, spec: NetworkSpec) -> None:
        self._world.faults.strike()
        self._world.networks.put(spec.name, Network(spec))

    def delete(self, name: str) -> None:
        self._world.faults.strike()
        if self._world.networks.get(name) is not None:
            self._world.networks.drop(name)

    def _leases(self) -> dict[str, builtins.list[Reservation]]:
        leases: dict[str, builtins.list[Reservation]] = {}
        for machine in self._world.running(self._world.clock()):
            spec = machine.running or machine.spec
            for nic in spec.nics:
                found = leases.setdefault(nic.network, [])
                found.extend(Reservation(nic.mac, address, spec.name) for address in addresses_of(nic))
        return leases

    def _seen(self, network: Network, leases: dict[str, builtins.list[Reservation]]) -> NetworkSeen:
        spec = network.spec
        if spec.mode is NetworkMode.BRIDGE and spec.bridge not in self._world.bridges:
            return NetworkSeen(
                spec.name, False, "BridgeMissing", f"The host has no bridge {spec.bridge}. Make it, or choose another."
            )
        if spec.mode is NetworkMode.BRIDGE:
            return NetworkSeen(spec.name, True)
        given = {reservation.mac: reservation for reservation in spec.reservations}
        seen = {lease.mac: given.get(lease.mac, lease) for lease in leases.get(spec.name, [])}
        return NetworkSeen(spec.name, True, leases=tuple(seen.values()))
