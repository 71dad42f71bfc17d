"""Pointer and wheel arrive in X programs as what a mouse would do."""

import asyncio
import contextlib
import time

import pytest
from Xlib import X

from tests.programs import connect
from tests.sources.x11.support import listening, opened
from tests.xservers import XServer, xvfb
from voxy.blocks import Size
from voxy.session.events import InputEvent, Motion, Pointer, Wheel
from voxy.sources.x11.input import InputQueue


async def test_every_button_by_its_number(server: XServer) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            for bit in range(5):
                await desktop.source.inject(Pointer(10 + bit, 20, 1 << bit))
                await desktop.source.inject(Pointer(10 + bit, 20, 0))
            events = await listener.take(10, X.ButtonPress, X.ButtonRelease)
            assert [(event.type, event.detail) for event in events] == [
                (kind, button) for button in (1, 2, 3, 8, 9) for kind in (X.ButtonPress, X.ButtonRelease)
            ]
            assert [(event.root_x, event.root_y) for event in events[::2]] == [(10 + bit, 20) for bit in range(5)]


async def test_buttons_change_one_by_one(server: XServer) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            for buttons in (0b001, 0b101, 0b100, 0b000):
                await desktop.source.inject(Pointer(1, 1, buttons))
            events = await listener.take(4, X.ButtonPress, X.ButtonRelease)
            assert [(event.type == X.ButtonPress, event.detail) for event in events] == [
                (True, 1), (True, 3), (False, 1), (False, 3),
            ]  # fmt: skip


async def test_motion_is_as_fine_as_displays_and_its_end_and_what_follows_arrive(server: XServer) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            await desktop.source.inject(Pointer(1, 2, 0))
            began = time.monotonic()
            for step in range(400):
                await desktop.source.inject(Pointer(10 + step, 20, 0))
                await asyncio.sleep(0.0002)
            took_s = time.monotonic() - began
            await desktop.source.inject(Pointer(500, 30, 1))
            await desktop.source.inject(Pointer(501, 30, 1))
            events = await asyncio.to_thread(listener.until, lambda event: event.root_x == 501)
            motions = [event for event in events if event.type == X.MotionNotify]
            # One each 4 ms; those at the edges, and the last that a button brings along.
            assert 10 <= len(motions) <= took_s / 0.004 + 5
            places = [(event.type == X.ButtonPress, event.root_x) for event in events[-4:]]
            assert places == [(False, 409), (False, 500), (True, 500), (False, 501)]


async def test_a_button_is_released_when_the_source_closes(server: XServer) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            await desktop.source.inject(Pointer(1, 1, 1))
        events = await listener.take(2, X.ButtonPress, X.ButtonRelease)
        assert [event.type for event in events] == [X.ButtonPress, X.ButtonRelease]


@pytest.mark.parametrize(
    ("asked", "reached"), [((-5, 3), (0, 3)), ((70000, 70000), (1365, 767)), ((1365, -1), (1365, 0))]
)
async def test_places_stay_on_the_screen(server: XServer, asked: tuple[int, int], reached: tuple[int, int]) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            await desktop.source.inject(Pointer(700, 400, 0))
            await desktop.source.inject(Pointer(*asked, 1))
            (event,) = await listener.take(1, X.ButtonPress)
            assert (event.root_x, event.root_y) == reached


@pytest.mark.parametrize(
    ("turns", "buttons"),
    [
        ([(0, 120)], [5]),
        ([(0, -240)], [4, 4]),
        ([(120, 0), (-120, 0)], [7, 6]),
        ([(0, 50), (0, 50), (0, 50)], [5]),
        ([(0, 50), (0, 50), (0, -100), (0, -20)], [4]),
        ([(0, 300), (0, 60)], [5, 5, 5]),
    ],
)
async def test_wheel(server: XServer, turns: list[tuple[int, int]], buttons: list[int]) -> None:
    with listening(server) as listener:
        async with opened(server) as desktop:
            for dx, dy in turns:
                await desktop.source.inject(Wheel(40, 50, dx, dy))
            await desktop.source.inject(Pointer(40, 50, 1))
            events = await listener.take(len(buttons) + 1, X.ButtonPress)
            assert [event.detail for event in events] == [*buttons, 1]
            assert (events[0].root_x, events[0].root_y) == (40, 50)


async def test_only_seen_where_there_is_no_xtest() -> None:
    with xvfb(Size(320, 240), None, 24, "-extension", "XTEST") as server:
        async with opened(server) as desktop:
            assert "XTEST" in desktop.source.input_reason
            await desktop.source.inject(Pointer(1, 1, 1))
            assert await desktop.grab()


def queued(*events: InputEvent) -> list[InputEvent]:
    """What is left of events that wait."""
    queue = InputQueue()
    for event in events:
        queue.put(event)
    taken = []
    while queue:
        taken.append(queue.take())
    return taken


def test_motion_overtakes_motion_but_nothing_else() -> None:
    press, turn = Pointer(3, 3, 1), Wheel(5, 5, 0, 120)
    queue = InputQueue()
    put = [queue.put(event) for event in (Pointer(1, 1, 0), Pointer(2, 2, 0), press, Pointer(4, 4, 1))]
    assert put == [True, False, True, True]
    left = queued(Pointer(1, 1, 0), Pointer(2, 2, 0), press, Pointer(4, 4, 1), Pointer(5, 5, 1), turn, Pointer(6, 6, 1))
    assert left == [Pointer(2, 2, 0), press, Pointer(5, 5, 1), turn, Pointer(6, 6, 1)]


async def test_motion_goes_on_from_where_a_program_put_the_pointer(server: XServer) -> None:
    with listening(server) as listener, contextlib.closing(connect(server)) as display:
        root = display.screen().root

        def warp() -> None:
            root.warp_pointer(100, 100)
            display.sync()

        def is_there() -> bool:
            pointer = root.query_pointer()
            return (pointer.root_x, pointer.root_y) == (93, 130)

        async with opened(server) as desktop:
            for buttons in (0, 1, 0):
                await asyncio.to_thread(warp)
                await desktop.source.inject(Motion(-7, 30, buttons))
                async with asyncio.timeout(5):
                    while not await asyncio.to_thread(is_there):
                        await asyncio.sleep(0.01)
            presses = await listener.take(2, X.ButtonPress, X.ButtonRelease)
            assert [event.type for event in presses] == [X.ButtonPress, X.ButtonRelease]


def test_motion_that_waits_is_added_up_and_buttons_change_where_they_did() -> None:
    left = queued(
        Motion(1, 2, 0), Motion(3, -5, 0), Motion(10, 0, 1), Motion(1, 1, 1), Motion(2, 2, 1), Pointer(9, 9, 1)
    )
    assert left == [Motion(4, -3, 0), Motion(10, 0, 1), Motion(3, 3, 1), Pointer(9, 9, 1)]
