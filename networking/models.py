"""Networks, and network interfaces that outlive what is plugged into them.

A Network is a virtual switch, cluster-wide. A NetworkInterface is one card's identity, its MAC and addresses: it
belongs to the VM and not to a run of it, so both stay over restart, and over re-creation when a person made it.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from vmconsole.access.models import User
from vmconsole.access.rights import Right, may, namespaces
from vmconsole.columns import ObjectMeta
from vmconsole.runtime.types import NetworkMode

POD_NETWORK = "pod-network"


class NetworkQuerySet(models.QuerySet["Network"]):
    def visible_to(self, user: User) -> NetworkQuerySet:
        """Networks belong to the cluster; whoever may use one of its namespaces has to see them to name them."""
        sees = may(user, Right.CLUSTER_VIEW, None) or bool(namespaces(user))
        return self.all() if sees else self.none()


class Network(ObjectMeta):
    """A virtual switch. NAT: made by us with DHCP. Bridge: the host's own, `spec_interface`, only plugged into."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=63, unique=True)
    generation = models.PositiveBigIntegerField(default=1)
    observed_generation = models.PositiveBigIntegerField(default=0)
    predefined = models.BooleanField(default=False)

    spec_mode = models.CharField(max_length=8, choices=[(mode.value, mode.value) for mode in NetworkMode])
    spec_interface = models.CharField(max_length=15, blank=True)
    spec_cidr = models.CharField(max_length=18, blank=True)
    spec_gateway4 = models.GenericIPAddressField(protocol="IPv4", null=True, blank=True)
    spec_prefix_length4 = models.PositiveSmallIntegerField(null=True)
    spec_dns = models.JSONField(default=dict)
    spec_routes = models.JSONField(default=list)
    spec_external_dhcp4 = models.BooleanField(default=False)
    spec_rest = models.JSONField(default=dict)

    status_ready = models.BooleanField(default=False)
    status_reason = models.CharField(max_length=64, blank=True)
    status_message = models.TextField(blank=True)
    status_as_of = models.DateTimeField(null=True)

    objects: ClassVar = NetworkQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("networking:network_detail", args=[self.name])

    def changed(self) -> None:
        """Number the wish: the runtime's network, reservations included, is no longer what is asked."""
        Network.objects.filter(uid=self.uid).update(generation=F("generation") + 1)


class NetworkInterfaceQuerySet(models.QuerySet["NetworkInterface"]):
    def visible_to(self, user: User) -> NetworkInterfaceQuerySet:
        return self.filter(namespace__in=namespaces(user))


class NetworkInterface(ObjectMeta):
    """One card's identity. `generated` ones go with their VM; those that people made stay."""

    uid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    generation = models.PositiveBigIntegerField(default=1)
    spec_rest = models.JSONField(default=dict)  # addresses and subnetwork as they were written
    generated = models.BooleanField(default=True)
    network = models.ForeignKey(Network, models.PROTECT, related_name="interfaces")
    mac_address = models.CharField(max_length=17)
    ip_address = models.CharField(max_length=18, blank=True)
    machine_uid = models.UUIDField(null=True)
    machine_name = models.CharField(max_length=255, blank=True)
    card_name = models.CharField(max_length=15, blank=True)
    status_addresses = models.JSONField(default=list)

    objects: ClassVar = NetworkInterfaceQuerySet.as_manager()

    class Meta:
        ordering = ["namespace", "name"]
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="one_interface_of_a_name_per_namespace"),
            models.UniqueConstraint(fields=["mac_address"], name="a_mac_address_once"),
            models.UniqueConstraint(
                fields=["network", "ip_address"], condition=~Q(ip_address=""), name="an_address_once_per_network"
            ),
        ]
        indexes = [models.Index(fields=["machine_uid"], name="interfaces_of_a_machine")]

    def __str__(self) -> str:
        return self.name
