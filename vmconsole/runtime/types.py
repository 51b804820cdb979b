"""The nouns of the runtime contract: what is asked of a runtime (`…Spec`) and what it shows (`…Seen`).

Frozen values without Django, so that decisions over them stay pure and every driver speaks the same words.
Units are in the names: `_bytes`, `_seconds`, `_percent` (0 to 100). Uids are ours and are the only names; a thing
that was made outside has the uid its runtime gave it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, StrEnum, auto
from uuid import UUID


class Power(StrEnum):
    """What the machine is doing. STARTING and STOPPING are a runtime's own transitions, never wishes."""

    ON = "on"
    OFF = "off"
    PAUSED = "paused"
    STARTING = "starting"
    STOPPING = "stopping"
    CRASHED = "crashed"
    UNKNOWN = "unknown"


class Can(Flag):
    """What a runtime is able to do: asked before, never discovered after. Drives buttons, API answers and tests."""

    NONE = 0
    PAUSE = auto()
    RESET = auto()
    SCREEN = auto()
    SERIAL = auto()
    SCREENSHOT = auto()
    GUEST_AGENT = auto()
    LIVE_DISKS = auto()
    GROW_LIVE = auto()
    UEFI = auto()
    SECURE_BOOT = auto()
    BRIDGES = auto()
    FIXED_ADDRESSES = auto()
    ADOPT = auto()
    UPLOAD = auto()


class Bus(StrEnum):
    VIRTIO = "virtio"
    SATA = "sata"
    SCSI = "scsi"


class Firmware(StrEnum):
    BIOS = "bios"
    UEFI = "uefi"


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """One disk as the machine sees it. Exactly one of `volume` (made by us) and `location` (adopted) is set,
    neither for an empty CD-ROM."""

    name: str
    volume: UUID | None = None
    location: str = ""
    format: str = "qcow2"
    bus: Bus = Bus.VIRTIO
    boot: bool = False
    read_only: bool = False
    cdrom: bool = False


@dataclass(frozen=True, slots=True)
class NicSpec:
    """One network card. `network` is a NetworkSpec name, or with `bridge` the host bridge to plug into."""

    name: str
    network: str
    mac: str
    bridge: str = ""
    addresses: tuple[str, ...] = ()
    model: str = "virtio"


@dataclass(frozen=True, slots=True)
class CloudInit:
    """NoCloud seed. Bodies may hold secrets: `repr` hides them."""

    instance_id: str
    hostname: str
    user_data: str = field(default="", repr=False)
    network_data: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """Everything a runtime needs to make the machine, without looking anything else up."""

    uid: UUID
    namespace: str
    name: str
    vcpus: int
    memory_bytes: int
    disks: tuple[DiskSpec, ...] = ()
    nics: tuple[NicSpec, ...] = ()
    chipset: str = "q35"
    firmware: Firmware = Firmware.BIOS
    secure_boot: bool = False
    smbios_uuid: str = ""
    smbios_serial: str = ""
    os_type: str = "Linux"
    cloud_init: CloudInit | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Long work the runtime is doing on the thing right now."""

    kind: str
    percent: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the machine's VNC server and serial port listen. Empty strings: it has none that can be opened."""

    vnc_socket: str = ""
    vnc_port: int = 0
    serial_socket: str = ""
    serial_log: str = ""


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """One look at a machine.

    `spec` is what the runtime would start next time, as far as our words can say it. `revision` changes when, and
    only when, that changes. `pending` is true when the running machine differs from it, and `running` is then what
    it runs with. `ours` is false for a machine made outside. `stop_reason` tells, where known, why it is off
    ("shutdown", "destroyed", "crashed", "failed", "booted", "host", "") or why its QEMU halted it ("io-error",
    "panicked", "watchdog").
    """

    uid: UUID
    name: str
    power: Power
    spec: MachineSpec | None
    revision: str
    ours: bool = True
    node: str = ""
    pending: bool = False
    running: MachineSpec | None = None
    stop_reason: str = ""
    started_at: datetime | None = None
    job: Job | None = None
    screen: Screen = Screen()
    accelerator: str = ""


@dataclass(frozen=True, slots=True)
class FileSystem:
    mountpoint: str
    kind: str
    total_bytes: int = 0
    used_bytes: int = 0


@dataclass(frozen=True, slots=True)
class GuestNic:
    name: str
    mac: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GuestSeen:
    """What the agent inside the guest says. Hostile: lengths are capped by the driver, contents are not trusted."""

    hostname: str = ""
    os_name: str = ""
    kernel: str = ""
    timezone: str = ""
    agent_version: str = ""
    users: tuple[str, ...] = ()
    filesystems: tuple[FileSystem, ...] = ()
    nics: tuple[GuestNic, ...] = ()


class Phase(StrEnum):
    """A volume's life, in CDI's words."""

    PENDING = "Pending"
    IMPORTING = "ImportInProgress"
    CLONING = "CloneInProgress"
    UPLOAD_READY = "UploadReady"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class BlankSource:
    """An empty disk."""


@dataclass(frozen=True, slots=True)
class HttpSource:
    """An image behind http(s). Headers may hold secrets: `repr` hides them."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class VolumeSource:
    """A copy of another volume of ours (a disk, or an image of the catalogue)."""

    volume: UUID


@dataclass(frozen=True, slots=True)
class FileSource:
    """A finished upload lying in the runtime's upload folder under `name`; removed when taken in."""

    name: str
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A disk or image to make. `size_bytes` 0: as large as its source. Volumes are always qcow2 on libvirt.

    `image` puts it into the catalogue's place instead of the disks' one.
    """

    uid: UUID
    namespace: str
    name: str
    size_bytes: int
    source: BlankSource | HttpSource | VolumeSource | FileSource = BlankSource()
    image: bool = False


@dataclass(frozen=True, slots=True)
class VolumeSeen:
    """One look at a volume. `allocated_bytes` is what it takes on the host. `message` says why it failed."""

    uid: UUID
    phase: Phase
    size_bytes: int = 0
    allocated_bytes: int = 0
    format: str = ""
    job: Job | None = None
    message: str = ""
    reason: str = ""


class NetworkMode(StrEnum):
    NAT = "nat"
    BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Reservation:
    """This card always gets this address."""

    mac: str
    address: str
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A virtual switch. NAT: made by us, with DHCP over `cidr`. BRIDGE: the host's bridge `bridge`, only used."""

    name: str
    mode: NetworkMode
    bridge: str
    cidr: str = ""
    reservations: tuple[Reservation, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkSeen:
    name: str
    ready: bool
    reason: str = ""
    message: str = ""
    leases: tuple[Reservation, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One preflight result. `level`: ok, warning or error. `fix` is what to type or change, "" when ok."""

    name: str
    level: str
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """The host. `used_*` is what running machines were given, not what they burn."""

    name: str
    cpus: int
    memory_bytes: int
    arch: str
    hypervisor: str
    accelerator: str
    kernel: str = ""
    used_vcpus: int = 0
    used_memory_bytes: int = 0
    storage_bytes: int = 0
    storage_free_bytes: int = 0
    bridges: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class DiskSample:
    """Counters since the machine's start. Times are seconds spent serving requests."""

    name: str
    read_bytes: int = 0
    write_bytes: int = 0
    read_requests: int = 0
    write_requests: int = 0
    flush_requests: int = 0
    read_seconds: float = 0.0
    write_seconds: float = 0.0
    capacity_bytes: int = 0
    allocated_bytes: int = 0


@dataclass(frozen=True, slots=True)
class NicSample:
    """Counters since the machine's start, as the guest sees the directions."""

    name: str
    receive_bytes: int = 0
    transmit_bytes: int = 0
    receive_packets: int = 0
    transmit_packets: int = 0
    receive_errors: int = 0
    transmit_errors: int = 0
    receive_dropped: int = 0
    transmit_dropped: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One machine's counters at one moment. None: the runtime or guest does not tell."""

    uid: UUID
    at: float  # Unix seconds
    power: Power
    cpu_seconds: float = 0.0
    vcpus: int = 0
    vcpu_seconds: tuple[float, ...] = ()
    vcpu_delays: tuple[float, ...] = ()  # seconds each could have run, and had no processor of the host
    vcpu_waits: tuple[float, ...] = ()  # seconds each waited for the host's input and output
    memory_domain_bytes: int = 0
    memory_resident_bytes: int | None = None
    memory_available_bytes: int | None = None
    memory_unused_bytes: int | None = None
    memory_usable_bytes: int | None = None
    swap_in_bytes: int | None = None
    swap_out_bytes: int | None = None
    disks: tuple[DiskSample, ...] = ()
    nics: tuple[NicSample, ...] = ()


@dataclass(frozen=True, slots=True)
class HostSample:
    """The host's counters at one moment. Seconds are summed over its processors; `stalled_*` are seconds in which at
    least one task stood still for want of it, None where the kernel does not count them."""

    at: float  # Unix seconds
    total_seconds: float
    idle_seconds: float
    disk_wait_seconds: float = 0.0
    stolen_seconds: float = 0.0
    memory_bytes: int = 0
    memory_available_bytes: int = 0
    swap_used_bytes: int = 0
    stalled_cpu_seconds: float | None = None
    stalled_disk_seconds: float | None = None
    stalled_memory_seconds: float | None = None
