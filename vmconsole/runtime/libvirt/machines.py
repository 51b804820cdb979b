"""Machines as libvirt domains: the uid is the domain's UUID.

Every method may be repeated. Whatever has to ask QEMU gets a deadline, because libvirt has none and one hung guest must
not hold a worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import libvirt

from vmconsole.runtime.errors import Busy, Missing, Rejected, Stale, Unsupported
from vmconsole.runtime.libvirt import edit, guest, live, looks, marks, parse, seeds, xml
from vmconsole.runtime.libvirt.faults import answered, asked, translated
from vmconsole.runtime.libvirt.link import Link
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.types import GuestSeen, MachineSeen, MachineSpec, Power

# A start is done in 0.5 s; a host that swaps needs longer. Beyond, it goes on without us and the next look tells.
START_WITHIN = 30.0
ANSWER_WITHIN = 5.0
AGENT_WITHIN = 3.0
UNDEFINE = (
    libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
    | libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
)
PERSISTENT = (
    libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE
)  # without SECURE a redefine drops passwords
PNG = b"\x89PNG\r\n\x1a\n"


class Machines:
    def __init__(self, link: Link, places: Places, node: str) -> None:
        self._link = link
        self._places = places
        self._node = node

    # --- looking ---

    def list(self) -> list[MachineSeen]:
        def ask(host: libvirt.virConnect) -> Iterator[MachineSeen]:
            return filter(None, map(self._look, host.listAllDomains(0)))

        return self._link.look("list the machines", lambda host: [*ask(host)])

    def get(self, uid: UUID) -> MachineSeen | None:
        def ask(host: libvirt.virConnect) -> MachineSeen:
            return looks.look(host.lookupByUUID(uid.bytes), self._places, self._node)

        try:
            return self._link.look("look at the machine", ask)
        except Missing:
            return None

    def _look(self, domain: libvirt.virDomain) -> MachineSeen | None:
        """None for one that went away, or that cannot be read: it must not hide the others."""
        try:
            with translated("look at a machine"):
                return looks.look(domain, self._places, self._node)
        except (Missing, Rejected, Stale):
            return None

    def guest(self, uid: UUID) -> GuestSeen | None:
        try:
            with self._domain(uid, "ask the guest agent") as domain:
                if not (domain.isActive() and parse.agent_connected(xml.read(domain.XMLDesc(0)))):
                    return None
                return asked(domain, lambda: guest.ask(domain), within=AGENT_WITHIN)
        except (Missing, Busy, Stale, Rejected, ValueError):
            return None

    def screenshot(self, uid: UUID) -> bytes:
        with self._domain(uid, "take a picture of the screen") as domain:
            picture = asked(domain, lambda: _picture(domain), within=ANSWER_WITHIN)
        if not picture.startswith(PNG):
            raise Unsupported("This host's libvirt makes no PNG pictures.", detail=repr(picture[:8]))
        return picture

    # --- power ---

    def set_power(self, uid: UUID, power: Power, *, force: bool = False) -> None:
        try:
            self._ask_power(uid, power, force=force)
        except Stale:
            # It changed between our look and our asking, perhaps to what is wanted.
            self._ask_power(uid, power, force=force)

    def _ask_power(self, uid: UUID, power: Power, *, force: bool) -> None:
        with self._domain(uid, f"turn the machine {power}") as domain:
            now = looks.power(domain)
            running, paused, off = now is Power.ON, now is Power.PAUSED, now in looks.OFF
            if power is Power.ON and paused:
                asked(domain, domain.resume, within=ANSWER_WITHIN)
            elif power is Power.ON and off:
                self._start(domain)
            elif power is Power.PAUSED and running:
                asked(domain, domain.suspend, within=ANSWER_WITHIN)
            elif power is Power.OFF and not off and force:
                domain.destroy()  # kills the process and needs no answer from it
            elif power is Power.OFF and running:
                # Only asks. Whether the guest obeys is for the next look to say.
                button = libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
                asked(domain, lambda: domain.shutdownFlags(button), within=ANSWER_WITHIN)

    def reset(self, uid: UUID) -> None:
        with self._domain(uid, "reset the machine") as domain:
            asked(domain, lambda: domain.reset(0), within=ANSWER_WITHIN)

    def reboot(self, uid: UUID) -> None:
        with self._domain(uid, "reboot the machine") as domain:
            asked(domain, lambda: domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN), within=ANSWER_WITHIN)

    def _start(self, domain: libvirt.virDomain) -> None:
        uid = UUID(bytes=domain.UUID())
        _own(self._places.serial_log(uid))
        answered(domain.create, within=START_WITHIN)

    # --- being ---

    def apply(self, spec: MachineSpec) -> None:
        try:
            domain = self._lookup(spec.uid)
        except Missing:
            self._make(spec)
            return
        with self._link.host("change the machine") as host:
            definition = xml.read(domain.XMLDesc(PERSISTENT))
            before = xml.write(definition)
            edit.change(definition, spec, self._places)
            self._seed(spec)
            after = xml.write(definition)
            if after != before:
                domain = host.defineXMLFlags(after, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
            if looks.power(domain) not in looks.OFF:
                live.follow(domain, self._places)

    def _make(self, spec: MachineSpec) -> None:
        definition = xml.write(xml.build(spec, self._places))
        self._seed(spec)
        with self._link.host("make the machine") as host:
            host.defineXMLFlags(definition, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def _seed(self, spec: MachineSpec) -> None:
        path = self._places.seed(spec.uid)
        try:
            if spec.cloud_init is None:
                path.unlink(missing_ok=True)
            else:
                seeds.write(spec.cloud_init, path)
        except ValueError as error:
            raise xml.unspeakable(error) from error
        except OSError as error:
            raise Rejected(
                "The cloud-init disk could not be written. Look at the free space and rights of the seeds folder.",
                detail=str(error),
                reason="SeedFailed",
            ) from error

    def delete(self, uid: UUID) -> None:
        with suppress(Missing), self._domain(uid, "delete the machine") as domain:
            if domain.isActive():
                with suppress(Stale):
                    self.set_power(uid, Power.OFF, force=True)
            if domain.isPersistent():
                domain.undefineFlags(UNDEFINE)
        places = self._places
        logs = [places.serial_log(uid), *places.serial_log(uid).parent.glob(f"{uid}.log.*")]
        for file in [places.seed(uid), places.vnc(uid), places.serial(uid), *logs]:
            with suppress(OSError):  # QEMU removes its sockets itself, and keeps others out of their folder
                file.unlink()

    def adopt(self, uid: UUID, namespace: str) -> None:
        with self._domain(uid, "adopt the machine") as domain:
            definition = xml.read(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
            if marks.read(definition) is not None:
                return
            text = marks.text(edit.adopted(definition, namespace, self._places))
            where = libvirt.VIR_DOMAIN_AFFECT_CONFIG
            if looks.power(domain) not in looks.OFF:
                where |= libvirt.VIR_DOMAIN_AFFECT_LIVE
            domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, marks.PREFIX, marks.URI, where)

    def resize_disk(self, uid: UUID, volume: UUID, size_bytes: int) -> None:
        """Make a disk larger under its running machine; the guest is told. For `volumes`."""
        with self._domain(uid, "grow the disk") as domain:
            present = parse.disks(xml.read(domain.XMLDesc(0)))
            target = next((parse.target(d) for d in present if self._places.volume_of(parse.source(d)) == volume), None)
            if target is None:
                raise Missing("The disk is not attached to the running machine any more.")
            resize = libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES
            asked(domain, lambda: domain.blockResize(target, size_bytes, resize), within=ANSWER_WITHIN)

    # --- finding ---

    def _lookup(self, uid: UUID) -> libvirt.virDomain:
        with self._link.host("find the machine") as host:
            return host.lookupByUUID(uid.bytes)

    @contextmanager
    def _domain(self, uid: UUID, doing: str) -> Iterator[libvirt.virDomain]:
        with self._link.host(doing) as host:
            yield host.lookupByUUID(uid.bytes)


def _picture(domain: libvirt.virDomain) -> bytes:
    stream = domain.connect().newStream(0)
    domain.screenshot(stream, 0, 0)
    picture = bytearray()

    def take(_stream: libvirt.virStream, part: bytes, _opaque: object) -> int:
        picture.extend(part)
        return len(part)

    stream.recvAll(take, None)
    stream.finish()
    return bytes(picture)


def _own(log: os.PathLike[str]) -> None:
    """Make the serial log before virtlogd does: it would be root's alone, and the console could not read it."""
    with suppress(OSError):
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640))
