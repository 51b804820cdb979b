"""The VirtualMachine and VirtualMachineType manifests as types: one schema, from which everything else is derived.

Field names, ranges and defaults are those of VM Runtime's `vm.cluster.gke.io/v1`, so that its documented manifests
apply unchanged. Ours, which the original does not know, are annotations under `vmconsole.dev/`. Unknown fields are
refused: a misspelt `memroy` must not become a VM with the default memory. Descriptions are sentences that people see,
in `kubectl explain` as they stand and on the pages in their own language: hence the mark for the translators.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from django.utils.translation import gettext_noop as _
from msgspec import Meta, Struct, field

from vmconsole.objectmeta import Metadata

GROUP: Final = "vm.cluster.gke.io/v1"

Mac = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$")]
Driver = Literal["virtio", "sata", "scsi"]
CardModel = Literal["virtio", "e1000", "e1000e", "rtl8139"]
MOST_DISKS = 24
MOST_INTERFACES = 8
CLOUD_INIT_BYTES = 512 * 1024


class Part(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a manifest."""


class Cpu(Part):
    """How many virtual CPUs."""

    vcpus: Annotated[int, Meta(ge=1, le=96, description=_("Virtual CPUs, 1 to 96. 2 when left out."))] = 2


class Memory(Part):
    """How much memory."""

    capacity: Annotated[str, Meta(description=_("A quantity such as 512Mi or 4Gi, 1M to 1T. 4Gi when left out."))] = (
        "4Gi"
    )


class AdvancedCompute(Part):
    """Where the virtual CPUs and the memory come from. Kept on one host, and not acted on there."""

    dedicated_cpu_placement: Annotated[
        bool, Meta(description=_("Host CPUs for this machine alone. Needs guaranteed."))
    ] = False
    isolated_emulator_thread: Annotated[
        bool, Meta(description=_("One more CPU for the emulator. Needs dedicatedCpuPlacement."))
    ] = False
    huge_page_size: Annotated[
        Literal["2Mi", "1Gi"] | None, Meta(description=_("The size of the pages that back the memory."))
    ] = None
    numa_guest_mapping_passthrough: Annotated[
        dict[str, Any] | None,
        Meta(description=_("Shows the guest the host's NUMA nodes. Needs dedicated CPUs and huge pages.")),
    ] = None


class Compute(Part):
    """Its size: a machine type, or CPUs and memory of its own."""

    virtual_machine_type_name: Annotated[
        str, Meta(description=_("A VirtualMachineType. Leave cpu and memory out with it."))
    ] = ""
    cpu: Annotated[Cpu | None, Meta(description=_("How many virtual CPUs. Leave out with a type."))] = None
    memory: Annotated[Memory | None, Meta(description=_("How much memory. Leave out with a type."))] = None
    guaranteed: Annotated[
        bool, Meta(description=_("Reserve memory and CPUs one to one. Kept on one host, and not acted on."))
    ] = False
    machine_chip_set: Annotated[
        Literal["", "q35", "pc"], Meta(description=_("The machine type of QEMU. q35 when left out."))
    ] = ""
    advanced_compute: Annotated[AdvancedCompute | None, Meta(description=_("Where CPUs and memory come from."))] = None


class Cdrom(Part):
    """Shown to the guest as a CD-ROM."""

    ejected: Annotated[bool, Meta(description=_("The tray is open: the guest sees no disc."))] = False


class Disk(Part):
    """A disk that is plugged in."""

    virtual_machine_disk_name: Annotated[
        str, Meta(description=_("A VirtualMachineDisk of the same namespace. It may come later: the machine waits."))
    ]
    boot: Annotated[bool, Meta(description=_("The machine starts from it. One disk at most."))] = False
    read_only: Annotated[
        bool, Meta(description=_("The guest cannot write it. Several machines may then share it."))
    ] = False
    auto_delete: Annotated[bool, Meta(description=_("Delete the disk with the machine."))] = False
    driver: Annotated[Driver, Meta(description=_("The bus it is on. virtio when left out."))] = "virtio"
    cdrom: Annotated[Cdrom | None, Meta(description=_("Show it to the guest as a CD-ROM."))] = None


class Interface(Part):
    """A network card."""

    name: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9-]{0,14}$", description=_("What it is called here, such as eth0."))
    ]
    network_name: Annotated[str, Meta(description=_("pod-network, or a Network. Each network once."))]
    subnetwork_name: Annotated[str, Meta(description=_("A part of the network. Not used on one host."))] = ""
    ip_addresses: Annotated[
        list[str],
        Meta(description=_("Addresses to keep for it, such as 10.10.0.20/16. One is chosen and kept when left out.")),
    ] = []
    mac_address: Annotated[Mac | None, Meta(description=_("Kept over restarts. Chosen and kept when left out."))] = None
    default: Annotated[bool, Meta(description=_("It has the default route. One card at most."))] = False
    model: Annotated[CardModel, Meta(description=_("What the guest sees. virtio when left out."))] = "virtio"


class SecretName(Part):
    """A Secret of the same namespace."""

    name: Annotated[str, Meta(description=_("Its name."))]


class NoCloud(Part):
    """What cloud-init finds on a disc of its own."""

    user_data: Annotated[
        str, Meta(description=_("As cloud-init reads it, beginning with #cloud-config. Kept as a secret."))
    ] = ""
    user_data_base64: Annotated[str, Meta(description=_("The same in base64."))] = ""
    secret_ref: Annotated[SecretName | None, Meta(description=_("A Secret with the key userdata."))] = None
    network_data: Annotated[str, Meta(description=_("Network configuration, version 1 or 2."))] = ""
    network_data_base64: Annotated[str, Meta(description=_("The same in base64."))] = ""
    network_data_secret_ref: Annotated[SecretName | None, Meta(description=_("A Secret with the key networkdata."))] = (
        None
    )


class CloudInit(Part):
    """What is set up in the guest when it starts first."""

    no_cloud: Annotated[NoCloud, Meta(description=_("On a disc made for it."))]


class Bootloader(Part):
    """What starts the guest."""

    type: Annotated[Literal["bios", "uefi"], Meta(description=_("bios when left out."))] = "bios"
    enable_secure_boot: Annotated[bool | None, Meta(description=_("Start signed systems only. With uefi."))] = None


class Firmware(Part):
    """BIOS or UEFI, and what it says of itself."""

    bootloader: Annotated[Bootloader | None, Meta(description=_("What starts the guest."))] = None
    uuid: Annotated[
        str,
        Meta(
            pattern=r"^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            description=_("The machine's SMBIOS UUID."),
        ),
    ] = ""
    serial: Annotated[str, Meta(max_length=64, description=_("The machine's SMBIOS serial number."))] = ""


class VirtualMachineSpec(Part):
    """What the machine should be."""

    compute: Annotated[Compute, Meta(description=_("Its size: a machine type, or CPUs and memory of its own."))] = (
        field(default_factory=Compute)
    )
    disks: Annotated[
        list[Disk], Meta(max_length=MOST_DISKS, description=_("Disks, in the order in which the guest sees them."))
    ] = []
    interfaces: Annotated[
        list[Interface],
        Meta(max_length=MOST_INTERFACES, description=_("Network cards, in the order in which the guest sees them.")),
    ] = []
    running_state: Annotated[
        Literal["", "Running", "Stopped"],
        Meta(
            description=_("A standing wish: Running brings it back after a crash or a shutdown, Stopped keeps it off.")
        ),
    ] = ""
    auto_restart_on_configuration_change: Annotated[
        bool,
        Meta(description=_("Restart by itself when a change needs it. Else such a change is refused while it runs.")),
    ] = False
    os_type: Annotated[
        Literal["", "Linux", "Windows", "linux", "windows"],
        Meta(description=_("What runs in it: chooses good defaults.")),
    ] = ""
    firmware: Annotated[Firmware | None, Meta(description=_("BIOS or UEFI, and what it says of itself."))] = None
    cloud_init: Annotated[
        CloudInit | None, Meta(description=_("What is set up in the guest when it starts first."))
    ] = None
    scheduling: Annotated[
        dict[str, Any] | None,
        Meta(description=_("Which nodes it may run on. Kept on one host, and not acted on there.")),
    ] = None
    guest_environment: Annotated[
        dict[str, Any] | None, Meta(description=_("Access through an agent of the original. Kept, and not acted on."))
    ] = None
    auto_install_guest_agent: Annotated[
        bool | None, Meta(description=_("Install the guest agent at first start. Kept, and not acted on."))
    ] = None
    use_virtio_transitional: Annotated[
        bool | None, Meta(description=_("virtio as guests of before 2016 know it. Kept, and not acted on."))
    ] = None


class VirtualMachineTypeSpec(Part):
    """The size that machines of this type have."""

    cpu: Cpu
    memory: Memory
    guaranteed: Annotated[
        bool, Meta(description=_("Reserve memory and CPUs one to one. Kept on one host, and not acted on."))
    ] = False
    advanced_compute: Annotated[AdvancedCompute | None, Meta(description=_("Where CPUs and memory come from."))] = None


class VirtualMachineManifest(Struct, rename="camel", omit_defaults=True):
    """A virtual machine."""

    api_version: Literal["vm.cluster.gke.io/v1"]
    kind: Literal["VirtualMachine"]
    metadata: Metadata
    spec: VirtualMachineSpec = field(default_factory=VirtualMachineSpec)


class VirtualMachineTypeManifest(Struct, rename="camel", omit_defaults=True):
    """A named size."""

    api_version: Literal["vm.cluster.gke.io/v1"]
    kind: Literal["VirtualMachineType"]
    metadata: Metadata
    spec: VirtualMachineTypeSpec


class Condition(Struct, rename="camel", omit_defaults=True):
    """One thing that is so, or not, and why."""

    type: str
    status: Annotated[str, Meta(description="True, False or Unknown.")]
    reason: str = ""
    message: str = ""


class VirtualMachineStatus(Struct, rename="camel", omit_defaults=True):
    """What was last seen of the machine."""

    state: Annotated[str, Meta(description="Running, Stopped, Provisioning, ErrorConfiguration …")] = ""
    reason: Annotated[str, Meta(description="One word for programs: why it is so.")] = ""
    message: Annotated[str, Meta(description="A sentence for people: why it is so.")] = ""
    node_name: Annotated[str, Meta(description="The node it runs on.")] = ""
    observed_generation: Annotated[int, Meta(description="Number of the wish that was last acted on.")] = 0
    state_transition_time: Annotated[dict[str, str], Meta(description="When it last came into each state.")] = {}
    interfaces: Annotated[list[dict[str, Any]], Meta(description="Each card with its MAC and addresses.")] = []
    conditions: Annotated[
        list[Condition],
        Meta(description="VMCreated: it is on a node. Ready: it runs. ConfigurationSynced: whether edits are applied."),
    ] = []
