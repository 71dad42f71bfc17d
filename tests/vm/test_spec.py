import itertools
import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxy.errors import MachineError
from voxy.vm.spec import Device, Spec

SPEC = Spec.new(disk_bytes=16 << 20, memory_mib=64)


def with_device(device: Device) -> Spec:
    return msgspec.structs.replace(SPEC, devices=(*SPEC.devices, device))


def test_the_same_machine_is_the_same_bytes_after_a_round_trip() -> None:
    again = Spec.parse(SPEC.serialize())
    assert again == SPEC
    assert again.digest == SPEC.digest
    assert again.serialize() == SPEC.serialize()


def test_the_order_of_keys_in_a_file_is_no_part_of_the_machine() -> None:
    said = json.loads(SPEC.serialize())
    assert Spec.parse(json.dumps(dict(reversed(said.items()))).encode()).digest == SPEC.digest


@pytest.mark.parametrize(
    "change",
    [
        {"machine": "pc-q35-7.1"},
        {"cpu": "qemu64"},
        {"memory_mib": 65},
        {"cpus": 2},
        {"disk_bytes": 32 << 20},
        {"devices": SPEC.devices[:-1]},
        {"devices": (*reversed(SPEC.devices),)},
    ],
)
def test_whatever_a_guest_could_notice_is_another_machine(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(SPEC, **change).digest != SPEC.digest


def test_every_new_machine_is_one_of_its_own() -> None:
    other = Spec.new(disk_bytes=16 << 20, memory_mib=64)
    assert other.uuid != SPEC.uuid
    macs = {d.properties["mac"] for spec in (SPEC, other) for d in spec.devices if d.needs == "net"}
    assert len(macs) == 2


def test_every_device_has_an_id_and_a_place_that_is_said_to_qemu() -> None:
    arguments = SPEC.argv({"disk": "top", "net": "net"})
    devices = [json.loads(text) for flag, text in itertools.pairwise(arguments) if flag == "-device"]
    assert len(devices) == len(SPEC.devices)
    assert all(d["id"] and d["bus"] for d in devices)
    assert all(d["addr"] for d in devices if d["bus"] == "pcie.0")
    assert next(d for d in devices if d["id"] == "disk0")["drive"] == "top"
    assert arguments[arguments.index("-machine") + 1].startswith("pc-q35-7.2")
    assert arguments[arguments.index("-cpu") + 1] == "Nehalem-v1,enforce"


@pytest.mark.parametrize("machine", ["q35", "pc", "microvm", "pc-q35-7.2,accel=kvm", "virt-7.2", ""])
def test_a_machine_type_without_a_version_is_refused(machine: str) -> None:
    with pytest.raises(MachineError, match=r"with its version, such as pc-q35-7\.2"):
        Spec.new(16 << 20, 64, machine=machine)


@pytest.mark.parametrize("cpu", ["host", "max", "host,-avx"])
def test_the_hosts_own_cpu_is_refused(cpu: str) -> None:
    with pytest.raises(MachineError, match="is that of the host"):
        Spec.new(16 << 20, 64, cpu=cpu)


@pytest.mark.parametrize(
    ("driver", "reason"),
    [
        ("nvme", "NVMe"),
        ("vfio-pci", "passed through"),
        ("usb-host", "USB device of the host"),
        ("virtio-9p-pci", "folder of the host"),
        ("vhost-vsock-pci", "process or kernel"),
        ("scsi-generic", "passed through"),
        ("virtio-vga-gl", "3D"),
    ],
)
def test_what_cant_migrate_is_refused_by_name_and_reason(driver: str, reason: str) -> None:
    with pytest.raises(MachineError, match=f"{driver} can't travel.*{reason}"):
        with_device(Device(driver, "extra0", "pcie.0", "0x9")).check()


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        (Device("VGA", "disk0", "pcie.0", "0x9"), "Two devices are called disk0"),
        (Device("VGA", "extra0", "pcie.0", "0x4"), "Two devices are at 0x4"),
        (Device("VGA", "extra0", "pcie.0"), "needs an address"),
        (Device("VGA", "extra0", ""), "has no bus"),
        (Device("VGA,help", "extra0", "pcie.0", "0x9"), "letters and digits"),
        (Device("ide-hd", "extra0", "ide.0", "", {}, "disk"), "exactly one device"),
    ],
)
def test_devices_without_a_place_of_their_own_are_refused(device: Device, sentence: str) -> None:
    with pytest.raises(MachineError, match=sentence):
        with_device(device).check()


@pytest.mark.parametrize(
    "change", [{"memory_mib": 0}, {"cpus": 0}, {"disk_bytes": 0}, {"disk_bytes": 1000}, {"uuid": "desk"}]
)
def test_sizes_that_cant_be_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(MachineError):
        msgspec.structs.replace(SPEC, **change).check()


@given(st.integers(0, len(SPEC.serialize()) - 1))
def test_a_description_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(MachineError, match="no description of a machine"):
        Spec.parse(SPEC.serialize()[:length])


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(MachineError, match=re.escape("no description")):
        Spec.parse(SPEC.serialize()[:-1] + b',"iommu":true}')
