"""The VirtualMachine and VirtualMachineType manifests as types: one schema, from which everything else is derived.

Field names, ranges and defaults are those of VM Runtime's `vm.cluster.gke.io/v1`, so that its documented manifests
apply unchanged. Ours, which the original does not know, are annotations under `vmconsole.dev/`. Unknown fields are
refused: a misspelt `memroy` must not become a VM with the default memory.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

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
    vcpus: Annotated[int, Meta(ge=1, le=96)] = 2


class Memory(Part):
    capacity: str = "4Gi"


class AdvancedCompute(Part):
    dedicated_cpu_placement: bool = False
    isolated_emulator_thread: bool = False
    huge_page_size: Literal["2Mi", "1Gi"] | None = None
    numa_guest_mapping_passthrough: dict[str, Any] | None = None


class Compute(Part):
    virtual_machine_type_name: str = ""
    cpu: Cpu | None = None
    memory: Memory | None = None
    guaranteed: bool = False
    machine_chip_set: Literal["", "q35", "pc"] = ""
    advanced_compute: AdvancedCompute | None = None


class Cdrom(Part):
    ejected: bool = False


class Disk(Part):
    virtual_machine_disk_name: str
    boot: bool = False
    read_only: bool = False
    auto_delete: bool = False
    driver: Driver = "virtio"
    cdrom: Cdrom | None = None


class Interface(Part):
    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,14}$")]
    network_name: str
    subnetwork_name: str = ""
    ip_addresses: list[str] = []
    mac_address: Mac | None = None
    default: bool = False
    model: CardModel = "virtio"


class SecretName(Part):
    name: str


class NoCloud(Part):
    user_data: str = ""
    user_data_base64: str = ""
    secret_ref: SecretName | None = None
    network_data: str = ""
    network_data_base64: str = ""
    network_data_secret_ref: SecretName | None = None


class CloudInit(Part):
    no_cloud: NoCloud


class Bootloader(Part):
    type: Literal["bios", "uefi"] = "bios"
    enable_secure_boot: bool | None = None


class Firmware(Part):
    bootloader: Bootloader | None = None
    uuid: Annotated[str, Meta(pattern=r"^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")] = ""
    serial: Annotated[str, Meta(max_length=64)] = ""


class VirtualMachineSpec(Part):
    compute: Compute = field(default_factory=Compute)
    disks: Annotated[list[Disk], Meta(max_length=MOST_DISKS)] = []
    interfaces: Annotated[list[Interface], Meta(max_length=MOST_INTERFACES)] = []
    running_state: Literal["", "Running", "Stopped"] = ""
    auto_restart_on_configuration_change: bool = False
    os_type: Literal["", "Linux", "Windows", "linux", "windows"] = ""
    firmware: Firmware | None = None
    cloud_init: CloudInit | None = None
    scheduling: dict[str, Any] | None = None
    guest_environment: dict[str, Any] | None = None
    auto_install_guest_agent: bool | None = None
    use_virtio_transitional: bool | None = None


class VirtualMachineTypeSpec(Part):
    cpu: Cpu
    memory: Memory
    guaranteed: bool = False
    advanced_compute: AdvancedCompute | None = None


class VirtualMachineManifest(Struct, rename="camel", omit_defaults=True):
    api_version: Literal["vm.cluster.gke.io/v1"]
    kind: Literal["VirtualMachine"]
    metadata: Metadata
    spec: VirtualMachineSpec = field(default_factory=VirtualMachineSpec)


class VirtualMachineTypeManifest(Struct, rename="camel", omit_defaults=True):
    api_version: Literal["vm.cluster.gke.io/v1"]
    kind: Literal["VirtualMachineType"]
    metadata: Metadata
    spec: VirtualMachineTypeSpec
