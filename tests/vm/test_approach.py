"""A guest is halted only while those who look at it hold what they type."""

import asyncio
import time
from typing import Any

import pytest

from tests.vm.hosts import Host
from tests.vm.journeys import started
from tests.vm.test_flight import pytestmark
from tests.vm.test_follow import looking, until_typed
from voxy.vm import approach as module
from voxy.vm.approach import approach
from voxy.vm.brake import Brake

__all__ = ["pytestmark"]


async def test_until_it_may_be_halted_a_guest_goes_on_though_nothing_is_left_to_send(
    a: Host, b: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, is_allowed = Brake.let_halt, False

    async def let_halt(self: Brake, may_halt: bool) -> None:
        await real(self, may_halt and is_allowed)

    monkeypatch.setattr(Brake, "let_halt", let_halt)
    async with started(a, b), looking(a) as onlooker:
        moving = asyncio.create_task(a.move("desk", b))
        typed, ends_at = "", time.monotonic() + 4
        while time.monotonic() < ends_at:
            typed += (letter := "abcdefgh"[len(typed) % 8])
            await onlooker.press(letter)
            # Slowly: QEMU slows the guest down meanwhile, and its keyboard keeps 16 bytes only.
            await asyncio.sleep(0.35)
        await onlooker.until_seen(20)
        assert not moving.done()
        is_allowed = True
        assert await moving
        await until_typed(b, typed)


class Told:
    """A QEMU with so much left to send at each look, and those who look on; what both are told, in its order."""

    def __init__(self, *left: int, is_there: bool = True) -> None:
        self._left = list(left)
        self.is_there = is_there
        self.said: list[str] = []
        self.told = ""

    async def execute(self, command: str) -> Any:
        if command == "query-migrate":
            return {"ram": {"remaining": self._left.pop(0) if len(self._left) > 1 else self._left[0]}}
        return {"running": True}

    async def tell(self, kind: str) -> None:
        self.told = kind
        self.said.append(kind)

    async def let_halt(self, may_halt: bool) -> None:
        self.said.append("may halt" if may_halt else "may not")


async def said(monkeypatch: pytest.MonkeyPatch, *left: int, is_there: bool = True) -> list[str]:
    for name in ("_LOOK_S", "_HEED_S"):
        monkeypatch.setattr(module, name, 0.005)
    monkeypatch.setattr(module, "_LEAD_S", 0.015)
    monkeypatch.setattr(module, "_HELD_MOST_S", 1e9)
    told = Told(*left, is_there=is_there)
    async with approach(told, told, told.let_halt):  # type: ignore[arg-type]
        await asyncio.sleep(0.2)
    return told.said


async def test_what_is_typed_is_held_before_it_may_be_halted_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    held, free = ["hold", "may halt"], ["may not", "release"]
    assert await said(monkeypatch, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 0) == [*held, *free, *held]
    assert await said(monkeypatch, 100, 50, 10, 0) == held


async def test_who_held_nothing_in_the_end_does_it_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await said(monkeypatch, *range(10000, 0, -1)) == ["hold", "may halt", "may not", "release", "hold"]


async def test_where_nobody_looks_on_it_may_be_halted_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await said(monkeypatch, 100, 90, 80, 70, 60, 50, is_there=False) == ["hold", "may halt"]
