"""Domain XML: whatever is in the texts, one well-formed domain comes out, and the same words come back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from vmconsole.runtime.errors import Rejected, Unsupported
from vmconsole.runtime.libvirt import edit, marks, parse, xml
from vmconsole.runtime.libvirt.places import Places
from vmconsole.runtime.types import Bus, CloudInit, DiskSpec, Firmware, MachineSpec, NicSpec

PLACES = Places(Path("/srv/vmc"))
SCHEMA = Path("/usr/share/libvirt/schemas/domain.rng")
MIB = 1 << 20
PLAIN = MachineSpec(UUID(int=1), "default", "plain", 1, 64 * MIB)

texts = st.text(min_size=1, max_size=60)
# XML's own alphabet: everything but control characters, surrogates and two that are no characters. libvirt and every
# other reader turn a carriage return into a line feed.
sayable = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\ufffe\uffff"), min_size=1, max_size=24
)
macs = st.integers(0, 0xFFFFFF).map(lambda n: f"52:54:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}")


def disks(names: st.SearchStrategy[str]) -> st.SearchStrategy[DiskSpec]:
    drive = st.builds(DiskSpec, name=names, volume=st.uuids(), bus=st.sampled_from(Bus), read_only=st.booleans())
    drive = drive.filter(lambda disk: not (disk.read_only and disk.bus is Bus.SATA))
    cd = st.builds(
        DiskSpec,
        name=names,
        volume=st.none() | st.uuids(),
        bus=st.sampled_from([Bus.SATA, Bus.SCSI]),
        cdrom=st.just(True),
        read_only=st.just(True),
    )
    return drive | cd


def machines(names: st.SearchStrategy[str]) -> st.SearchStrategy[MachineSpec]:
    nics = st.builds(
        NicSpec, name=names, network=names, mac=macs, bridge=st.just(""), addresses=st.tuples() | st.tuples(names)
    )
    seeds = st.builds(CloudInit, instance_id=names, hostname=names)
    return st.builds(
        MachineSpec,
        uid=st.uuids(),
        namespace=names,
        name=names,
        vcpus=st.integers(1, 255),
        memory_bytes=st.integers(1, 1 << 20).map(lambda n: n * MIB),
        disks=st.lists(disks(names), max_size=30, unique_by=lambda disk: disk.name).map(tuple),
        nics=st.lists(nics, max_size=8, unique_by=lambda nic: nic.mac).map(tuple),
        chipset=st.sampled_from(["q35", "pc"]),
        firmware=st.sampled_from(Firmware),
        smbios_serial=st.just("") | names,
        os_type=st.sampled_from(["Linux", "Windows"]),
        cloud_init=st.none() | seeds,
    )


@given(machines(sayable))
def test_what_is_said_comes_back(spec: MachineSpec) -> None:
    text = xml.write(xml.build(spec, PLACES))
    assert parse.machine(text, PLACES) == spec


@given(machines(texts))
def test_no_text_adds_or_removes_an_element(spec: MachineSpec) -> None:
    """The tree has the same shape as one with harmless names, or the text is refused with a sentence."""
    if refused(spec):
        return
    tree = xml.read(xml.write(xml.build(spec, PLACES)))
    assert shape(tree) == shape(xml.build(harmless(spec), PLACES))


def refused(spec: MachineSpec) -> bool:
    try:
        xml.build(spec, PLACES)
    except Rejected as refusal:
        return refusal.reason in ("BadCharacter", "BadName")
    return False


def harmless(spec: MachineSpec) -> MachineSpec:
    return replace(
        spec,
        namespace="n",
        name="n",
        disks=tuple(replace(disk, name=serial_or_not(disk.name, n)) for n, disk in enumerate(spec.disks)),
        nics=tuple(replace(n, name="n", network="n", addresses=("a",) * len(n.addresses)) for n in spec.nics),
        smbios_serial="s" if spec.smbios_serial else "",
        cloud_init=CloudInit("i", "h") if spec.cloud_init else None,
    )


def serial_or_not(name: str, number: int) -> str:
    """A disk whose name leaves nothing that may stand in a serial number has none."""
    left = xml.FORBIDDEN_IN_SERIAL.sub("", name)[: xml.SERIAL_LENGTH].strip()
    return f"d{number}" if left else chr(0x3042 + number)


def shape(element: etree._Element) -> list[str]:
    return sorted(element.getroottree().getpath(part) for part in element.iter() if isinstance(part.tag, str))


@given(machines(sayable), machines(sayable))
def test_any_machine_can_be_edited_into_any_other(first: MachineSpec, second: MachineSpec) -> None:
    second = replace(second, uid=first.uid, namespace=first.namespace, name=first.name, chipset=first.chipset)
    second = replace(second, os_type=first.os_type)
    definition = xml.build(first, PLACES)
    edit.change(definition, second, PLACES)
    have = parse.spec_of(xml.read(xml.write(definition)), PLACES)
    assert unordered(have) == unordered(second)
    before = xml.write(definition)
    edit.change(definition, second, PLACES)
    assert xml.write(definition) == before


def unordered(spec: MachineSpec) -> MachineSpec:
    """What is kept stays where it is, so an edit may leave another order."""
    return replace(
        spec,
        disks=tuple(sorted(spec.disks, key=lambda disk: disk.name)),
        nics=tuple(sorted(spec.nics, key=lambda nic: nic.mac)),
    )


@pytest.mark.parametrize("firmware", Firmware)
@pytest.mark.parametrize("os_type", ["Linux", "Windows"])
@pytest.mark.parametrize("secure", [False, True])
def test_libvirts_schema_agrees(firmware: Firmware, os_type: str, secure: bool, tmp_path: Path) -> None:
    schema = etree.RelaxNG(etree.parse(SCHEMA))
    for accelerator in ("kvm", "tcg"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run/accelerator.json").write_text(f'{{"accelerator": "{accelerator}", "why": ""}}')
        spec = replace(
            PLAIN,
            firmware=firmware,
            os_type=os_type,
            secure_boot=secure and firmware is Firmware.UEFI,
            smbios_serial="a & b",
            disks=(DiskSpec("a", uuid4(), boot=True), DiskSpec("cd", cdrom=True)),
            nics=(NicSpec("eth0", "pod-network", "52:54:00:00:00:01"), NicSpec("x", "n", "52:54:00:00:00:02", "br0")),
            cloud_init=CloudInit("i", "h"),
        )
        assert schema.validate(xml.build(spec, Places(tmp_path))), schema.error_log


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"disks": (DiskSpec("a", uuid4(), boot=True), DiskSpec("b", uuid4(), boot=True))}, "TwoBootDisks"),
        ({"disks": (DiskSpec("a", uuid4()), DiskSpec("a", uuid4()))}, "GivenTwice"),
        ({"disks": (DiskSpec("a"),)}, "DiskMissing"),
        ({"secure_boot": True}, "SecureBoot"),
        ({"smbios_uuid": str(uuid4())}, "FirmwareUuid"),
        ({"name": "bell\a"}, "BadCharacter"),
        ({"name": "a/b"}, "BadName"),
        ({"name": "x" * 300}, "BadName"),
        ({"memory_bytes": 0}, "TooSmall"),
        ({"vcpus": 0}, "TooSmall"),
        ({"chipset": "pc98"}, "BadChipset"),
        ({"nics": (NicSpec("e", "n", "01:00:00:00:00:01"),)}, "BadMac"),
        ({"nics": (NicSpec("e", "n", "52:54:00:00:00:01"), NicSpec("f", "n", "52:54:00:00:00:01"))}, "GivenTwice"),
        ({"nics": (NicSpec("e", "n", "52:54:00:00:00:01", model="a b"),)}, "BadModel"),
        ({"disks": (DiskSpec("a", uuid4(), read_only=True, bus=Bus.SATA),)}, "ReadOnlySata"),
        ({"disks": tuple(DiskSpec(f"d{n}", uuid4()) for n in range(703))}, "TooManyDisks"),
    ],
)
def test_nonsense_is_refused_with_a_sentence(change: dict[str, object], reason: str) -> None:
    with pytest.raises(Rejected) as refusal:
        xml.build(replace(PLAIN, **change), PLACES)  # type: ignore[arg-type]
    assert refusal.value.reason == reason
    assert refusal.value.public.endswith(".")
    with pytest.raises(Rejected):
        edit.change(xml.build(PLAIN, PLACES), replace(PLAIN, **change), PLACES)  # type: ignore[arg-type]


def test_another_firmware_uuid_is_a_kind_of_unsupported() -> None:
    with pytest.raises(Unsupported):
        xml.build(replace(PLAIN, smbios_uuid=str(uuid4())), PLACES)
    assert xml.build(replace(PLAIN, smbios_uuid=str(PLAIN.uid)), PLACES) is not None


BOMB = "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)
) + "]><domain>&j;</domain>"  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><domain><name>&x;</name></domain>',
        '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/x.dtd"><domain><name>n</name></domain>',
        BOMB,
        "<domain>",
    ],
)
def test_hostile_xml_yields_nothing(text: str) -> None:
    try:
        tree = xml.read(text)
    except Rejected:
        return
    assert len("".join(tree.itertext())) < 100
    assert "root:" not in xml.write(tree)


FOREIGN = """
<domain type="kvm"><name>theirs</name><uuid>00000000-0000-0000-0000-000000000001</uuid>
<metadata><other:thing xmlns:other="urn:other">kept</other:thing></metadata>
<memory unit="GiB">1</memory><currentMemory unit="GiB">1</currentMemory><vcpu current="1">2</vcpu>
<os><type arch="x86_64" machine="pc-q35-7.2">hvm</type><boot dev="hd"/><boot dev="network"/></os>
<cpu mode="custom"><model>Nehalem</model><topology sockets="2" dies="1" cores="1" threads="1"/></cpu>
<devices>
<disk type="file" device="disk"><driver name="qemu" type="raw" cache="none"/><source file="/vm/a.img"/>
<target dev="vda" bus="virtio"/><address type="pci" domain="0x0000" bus="0x04" slot="0x00" function="0x0"/></disk>
<interface type="network"><mac address="52:54:00:AA:BB:CC"/><source network="default"/><model type="e1000"/></interface>
<graphics type="vnc" port="5901" autoport="no" passwd="secret"/><hostdev mode="subsystem" type="usb"/>
</devices></domain>
"""


def test_of_a_foreign_machine_only_what_is_asked_changes() -> None:
    definition = xml.read(FOREIGN)
    have = parse.spec_of(definition, PLACES)
    assert (have.vcpus, have.memory_bytes, have.chipset, have.name) == (2, 1 << 30, "q35", "theirs")
    assert have.disks == (DiskSpec("vda", location="/vm/a.img", format="raw"),)
    assert have.nics == (NicSpec("eth0", "default", "52:54:00:aa:bb:cc", model="e1000"),)
    untouched = xml.write(definition)
    edit.change(definition, have, PLACES)
    assert xml.write(definition) == untouched

    edit.change(definition, replace(have, vcpus=4, memory_bytes=2 << 30), PLACES)
    assert parse.spec_of(definition, PLACES) == replace(have, vcpus=4, memory_bytes=2 << 30)
    text = xml.write(definition)
    for kept in ('cache="none"', "secret", "hostdev", "Nehalem", 'dev="network"', "urn:other", 'bus="0x04"'):
        assert kept in text
    assert marks.read(definition) is None


def test_an_adopted_disk_stays_as_it_is_when_asked_for_with_our_defaults() -> None:
    definition = xml.read(FOREIGN)
    have = parse.spec_of(definition, PLACES)
    before = xml.write(definition)
    edit.change(definition, replace(have, disks=(DiskSpec("vda", location="/vm/a.img"),)), PLACES)
    assert xml.write(definition) == before


def test_adoption_names_the_devices_that_are_there() -> None:
    definition = xml.read(FOREIGN)
    marks.write(definition, edit.adopted(definition, "team-a", PLACES))
    spec = parse.spec_of(definition, PLACES)
    assert (spec.namespace, spec.name, [disk.name for disk in spec.disks]) == ("team-a", "theirs", ["vda"])
    assert "urn:other" in xml.write(definition)


def test_a_new_disk_does_not_take_a_target_that_is_in_use() -> None:
    definition = xml.read(FOREIGN)
    have = parse.spec_of(definition, PLACES)
    wider = replace(have, disks=(*have.disks, DiskSpec("data", PLAIN.uid)))
    edit.change(definition, wider, PLACES)
    assert [parse.target(disk) for disk in parse.disks(definition)] == ["vda", "vdb"]
