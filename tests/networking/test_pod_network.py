"""The predefined network finds its place on a host where somebody else has the first one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from networking import rules
from networking.models import POD_NETWORK, Network, NetworkInterface
from networking.reconcile import reconcile
from networking.services import ensure_pod_network, move_pod_network, prepare_interface
from observability.models import Event
from tests.hosts import LibvirtState
from tests.inventory.conftest import ACTOR
from tests.people import MINE, People, make_people
from tests.settle import fresh_connections, quiet
from vmconsole.runtime import connect


@pytest.fixture
def people(settings: Any) -> People:
    settings.DOORBELL = "collect"
    return make_people()


@pytest.fixture
def taken(libvirt_state: LibvirtState, settings: Any) -> Iterator[rules.Place]:
    """A host on which something that is not ours has the first place, as after a console whose state was deleted."""
    settings.RUNTIME_KIND, settings.LIBVIRT_URI = "libvirt", libvirt_state.uri
    settings.STATE = libvirt_state.state
    first = rules.POD_PLACES[0]
    inside = ["ip", "-n", libvirt_state.netns]
    fresh_connections()
    connect.default().networks.delete(POD_NETWORK)
    for words in (["link", "add", first.bridge, "type", "bridge"], ["addr", "add", "10.76.0.1/22", "dev", first.bridge],
                  ["link", "set", first.bridge, "up"]):  # fmt: skip
        subprocess.run([*inside, *words], check=True)
    with quiet():
        yield first
    connect.default().networks.delete(POD_NETWORK)
    subprocess.run([*inside, "link", "delete", first.bridge], check=True)
    fresh_connections()


@pytest.mark.django_db(transaction=True)
@pytest.mark.libvirt
def test_it_moves_with_its_cards_to_the_next_free_place(people: People, taken: rules.Place) -> None:
    network = ensure_pod_network()
    assert network.spec_interface == taken.bridge
    before = prepare_interface(people.carol, ACTOR, namespace=MINE, name="kept", network=network).ip_address
    reconcile(network.uid)
    network.refresh_from_db()
    assert network.status_ready, network.status_message
    assert (network.spec_interface, network.spec_cidr) == rules.POD_PLACES[1]
    assert NetworkInterface.objects.get().ip_address == before.replace("10.76.", "10.77.")
    assert Event.objects.filter(name=POD_NETWORK, reason="Moved").count() == 1
    ensure_pod_network()  # the next start of the controller leaves it there
    network.refresh_from_db()
    assert network.spec_interface == rules.POD_PLACES[1].bridge


@pytest.mark.django_db
def test_it_stays_where_somebody_put_it_and_where_it_ran(settings: Any) -> None:
    network = ensure_pod_network()
    Network.objects.filter(uid=network.uid).update(observed_generation=1)
    network.refresh_from_db()
    assert not move_pod_network(network)
    Network.objects.filter(uid=network.uid).update(observed_generation=0)
    network.refresh_from_db()
    settings.POD_CIDR = "10.200.0.0/24"
    assert ensure_pod_network().spec_cidr == "10.200.0.0/24"
    assert not move_pod_network(network)


def test_places_end() -> None:
    assert rules.next_place("vmcbr0") == ("vmcbr1", "10.77.0.0/22")
    assert rules.next_place("vmcbr15") is None
    assert rules.next_place("labbr0") is None
    assert rules.moved_address("10.76.1.20", "10.76.0.0/22", "10.80.0.0/22") == "10.80.1.20"
