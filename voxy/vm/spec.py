"""Spec: a machine as its guest sees it, in one canonical form, and the hash by which two hosts know it for the same.

What a host chooses for itself (accelerator, files, sockets) is no part of it. QEMU doesn't notice a different CPU model
when a guest arrives, so it is the hash that decides.
"""

import hashlib
import re
import uuid
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal, Self

import msgspec

from voxy.errors import MachineError

MACHINE = "pc-q35-7.2"
"""Machine type of new machines. Newer QEMUs have it as well; its version pins all that a guest could notice."""

CPU = "Nehalem-v1"
"""CPU model of new machines: x86-64-v2, which today's systems ask for, and the most that TCG has all features of."""

_VERSIONED = re.compile(r"pc-(q35|i440fx)-\d+\.\d+")
_CPU_NAME = re.compile(r"[A-Za-z0-9_.-]+(,[+-]?[a-z0-9._-]+(=(on|off|\d+))?)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ADDRESS = re.compile(r"0x([0-9a-f]|1[0-9a-f])(\.[0-7])?")
_SECTOR_BYTES = 512
_MEMORY_MIB_MOST = 1 << 20
_CPUS_MOST = 255

_CPUS_OF_THE_HOST = {"host", "max"}

_CANT_MIGRATE = {
    "nvme*": "QEMU can't save the state of an NVMe controller",
    "vfio-*": "a device of the host that is passed through stays behind",
    "*-assign": "a device of the host that is passed through stays behind",
    "usb-host": "a USB device of the host stays behind",
    "usb-mtp": "a folder of the host stays behind",
    "usb-redir": "a USB device of somebody's own computer is no part of the machine",
    "scsi-block": "a disk of the host that is passed through stays behind",
    "scsi-generic": "a disk of the host that is passed through stays behind",
    "virtio-9p-*": "a folder of the host stays behind",
    "vhost-*": "the process or kernel of the host that serves it has state of its own",
    "ivshmem*": "memory that is shared with the host stays behind",
    "tpm-*": "the keys of a TPM are no part of the machine's disk",
    "virtio-gpu-gl*": "QEMU can't save the state of a 3D card",
    "virtio-vga-gl": "QEMU can't save the state of a 3D card",
    "*rutabaga*": "QEMU can't save the state of a 3D card",
}
"""Devices that would hold a guest on its host, and why."""


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One device: where it sits, and the properties that its guest could notice.

    `needs` names the part of the host that it is plugged into: the disk, or the net.
    """

    driver: str
    id: str
    bus: str
    addr: str = ""
    properties: dict[str, str | int | bool] = {}
    needs: Literal["", "disk", "net"] = ""


class Spec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine. `devices` are in the order in which QEMU gets them, which its stream of state depends on."""

    uuid: str
    disk_bytes: int
    memory_mib: int
    machine: str = MACHINE
    cpu: str = CPU
    cpus: int = 1
    devices: tuple[Device, ...] = ()

    @classmethod
    def new(cls, disk_bytes: int, memory_mib: int, cpus: int = 1, machine: str = MACHINE, cpu: str = CPU) -> Self:
        """A machine with a disk, a network card, a screen and a pointer; MachineError where it can't be."""
        identity = uuid.uuid4()
        spec = cls(str(identity), disk_bytes, memory_mib, machine, cpu, cpus, _usual_devices(identity))
        spec.check()
        return spec

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read what `serialize` made; MachineError for anything else, and for machines that can't travel."""
        try:
            spec = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MachineError(f"This is no description of a machine ({error}).") from None
        spec.check()
        return spec

    def serialize(self) -> bytes:
        """The canonical form: the same machine is the same bytes, everywhere."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        return hashlib.sha256(self.serialize()).hexdigest()

    def check(self) -> None:
        """Raise MachineError, by name and reason, for what is no machine or couldn't travel."""
        try:
            uuid.UUID(self.uuid)
        except ValueError:
            raise MachineError(f"“{self.uuid}” is no UUID of a machine.") from None
        if not _VERSIONED.fullmatch(self.machine):
            raise MachineError(
                f"The machine type “{self.machine}” means another machine to another QEMU: name one with its version, "
                f"such as {MACHINE}."
            )
        self._check_cpu()
        if not 1 <= self.memory_mib <= _MEMORY_MIB_MOST:
            raise MachineError(f"A machine can't have {self.memory_mib} MiB of memory: use 1 to {_MEMORY_MIB_MOST}.")
        if not 1 <= self.cpus <= _CPUS_MOST:
            raise MachineError(f"A machine can't have {self.cpus} CPUs: use 1 to {_CPUS_MOST}.")
        if self.disk_bytes <= 0 or self.disk_bytes % _SECTOR_BYTES:
            raise MachineError(f"A disk can't have {self.disk_bytes} bytes: use a multiple of {_SECTOR_BYTES}.")
        _check_devices(self.devices)

    def _check_cpu(self) -> None:
        if self.cpu.partition(",")[0] in _CPUS_OF_THE_HOST:
            raise MachineError(
                f"The CPU “{self.cpu}” is that of the host, which a guest can't take along: use a model such as {CPU}."
            )
        if not _CPU_NAME.fullmatch(self.cpu):
            raise MachineError(f"“{self.cpu}” is no CPU model: name one, such as {CPU} or {CPU},-avx.")

    def argv(self, backends: Mapping[str, str]) -> list[str]:
        """QEMU's arguments for all that the guest can notice; `backends` has the host's id of each thing needed."""
        arguments = ["-nodefaults", "-no-user-config", "-machine", f"{self.machine},usb=off,vmport=off"]
        # With enforce, a QEMU that lacks a feature of the model says so; else it would leave it out in silence.
        arguments += ["-cpu", f"{self.cpu},enforce", "-m", f"{self.memory_mib}M"]
        arguments += ["-smp", f"cpus={self.cpus},sockets=1,cores={self.cpus},threads=1", "-uuid", self.uuid]
        arguments += ["-rtc", "base=utc", "-boot", "strict=on"]
        for device in self.devices:
            arguments += ["-device", _device_argument(device, backends)]
        return arguments


def _usual_devices(identity: uuid.UUID) -> tuple[Device, ...]:
    # The second half of a random UUID is random; 52:54:00 is what QEMU's cards begin with.
    mac = ":".join(("52:54:00", *(f"{byte:02x}" for byte in identity.bytes[-3:])))
    return (
        # Memory for ROMs travels, so its size is pinned; the card has none, its guests boot from the disk.
        Device("VGA", "screen0", "pcie.0", "0x2", {"vgamem_mb": 32, "romsize": 65536}),
        Device("qemu-xhci", "usb0", "pcie.0", "0x3"),
        Device("usb-tablet", "pointer0", "usb0.0", "", {"port": "1"}),
        Device("virtio-blk-pci", "disk0", "pcie.0", "0x4", {"bootindex": 0, "romfile": ""}, "disk"),
        Device("virtio-net-pci", "net0", "pcie.0", "0x5", {"mac": mac, "romfile": ""}, "net"),
        Device("virtio-rng-pci", "random0", "pcie.0", "0x6", {"romfile": ""}),
    )


def _check_devices(devices: Sequence[Device]) -> None:
    ids: set[str] = set()
    places: set[tuple[str, str]] = set()
    for device in devices:
        for pattern, reason in _CANT_MIGRATE.items():
            if fnmatchcase(device.driver, pattern):
                raise MachineError(f"A machine with {device.driver} can't travel: {reason}. Use another device.")
        if not _NAME.fullmatch(device.driver) or not _NAME.fullmatch(device.id):
            raise MachineError(f"A device is named by letters and digits, not “{device.driver}” and “{device.id}”.")
        if device.id in ids:
            raise MachineError(f"Two devices are called {device.id}: give each an id of its own.")
        if not device.bus:
            raise MachineError(f"The device {device.id} has no bus: QEMU would choose, and another one otherwise.")
        ids.add(device.id)
        if device.bus.startswith("pci"):
            if not _ADDRESS.fullmatch(device.addr):
                raise MachineError(f"The device {device.id} needs an address on {device.bus}, such as 0x4.")
            if (device.bus, device.addr) in places:
                raise MachineError(f"Two devices are at {device.addr} of {device.bus}: move {device.id}.")
            places.add((device.bus, device.addr))
    if sum(device.needs == "disk" for device in devices) != 1:
        raise MachineError("A machine has one disk: exactly one device needs it.")


def _device_argument(device: Device, backends: Mapping[str, str]) -> str:
    """A `-device` as JSON, in which no value can be taken for another option."""
    said: dict[str, str | int | bool] = {"driver": device.driver, "id": device.id, "bus": device.bus}
    if device.addr:
        said["addr"] = device.addr
    said |= device.properties
    if device.needs:
        said[{"disk": "drive", "net": "netdev"}[device.needs]] = backends[device.needs]
    return msgspec.json.encode(said).decode()
