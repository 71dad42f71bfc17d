"""What is typed arrives: exactly as text, and without a modifier left behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from Xlib import X

from tests.sources.x11.support import (
    ALT,
    CAPS_LOCK,
    CONTROL,
    NUM_LOCK,
    SHIFT,
    Listener,
    Opened,
    keysym_of,
    listening,
    opened,
)
from tests.terminals import Terminal, terminal_on
from tests.xservers import xvfb
from voxy.blocks import Size
from voxy.session.events import Key, Pointer

BACKSPACE, F1, CYRILLIC_A, ISO_NEXT_GROUP = 0xFF08, 0xFFBE, 0x6C1, 0xFE08
SHIFT_MASK, LOCK_MASK, CONTROL_MASK, NUM_MASK = 1, 2, 4, 16

ASCII = "".join(map(chr, range(0x20, 0x7F)))
EUROPE = "ñ é ß € Æ ø Ž ğ Ω д Ж ї ש"
EAST = "あ 漢 한 ไ ア"
CJK = "一二三四五六七八九十百千万日月火水木金土"


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    with xvfb(Size(800, 600)) as server, terminal_on(server, "-geometry", "100x30+0+0") as running:
        yield running


async def arriving(terminal: Terminal, desktop: Opened, text: str) -> str:
    """What arrives when `text` is typed."""
    await desktop.type(text)
    return await terminal.line()


@contextlib.asynccontextmanager
async def typing(terminal: Terminal, *layout: str) -> AsyncIterator[Opened]:
    """A source whose pointer is in the terminal, with a keyboard of that layout."""
    await asyncio.to_thread(terminal.server.run, "setxkbmap", *(layout or ("us",)))
    async with opened(terminal.server) as desktop:
        await desktop.source.inject(Pointer(100, 100, 0))
        yield desktop


@pytest.mark.parametrize(
    "layout",
    [
        ("us",),
        ("de",),
        ("fr",),
        ("jp",),
        ("de", "neo"),
        ("us", "dvorak"),
        ("us,ru",),
        ("gr",),
        ("us", "-option", "compose:ralt"),
    ],
    ids=str,
)
async def test_text_arrives_on_every_layout(terminal: Terminal, layout: tuple[str, ...]) -> None:
    async with typing(terminal, *layout) as desktop:
        assert await arriving(terminal, desktop, ASCII) == ASCII
        assert await arriving(terminal, desktop, EUROPE) == EUROPE
        assert await arriving(terminal, desktop, EAST) == EAST


async def test_more_characters_than_spare_keys_arrive_in_order(terminal: Terminal) -> None:
    async with typing(terminal) as desktop:
        assert await arriving(terminal, desktop, CJK) == CJK
        text = "".join(map(chr, range(0x4E00, 0x4E60)))
        assert await arriving(terminal, desktop, text) == text
        assert await arriving(terminal, desktop, "漢字漢字かな漢字") == "漢字漢字かな漢字"


@pytest.mark.parametrize("locks", [(CAPS_LOCK,), (NUM_LOCK,), (CAPS_LOCK, NUM_LOCK)])
@pytest.mark.parametrize("layout", ["us", "de", "fr"])
async def test_locks_of_the_server_change_nothing(terminal: Terminal, layout: str, locks: tuple[int, ...]) -> None:
    async with typing(terminal, layout) as desktop:
        await desktop.press(*locks)
        await desktop.release(*locks)
        text = "aA bB 1! éÉ ñÑ € äÄ дД 漢"
        assert await arriving(terminal, desktop, text) == text
        keypad = [0xFFB0 + digit for digit in range(10)]
        for keysym in keypad:
            await desktop.press(keysym)
            await desktop.release(keysym)
        assert await arriving(terminal, desktop, "") == "0123456789"
        await desktop.press(*locks)
        await desktop.release(*locks)
        assert await arriving(terminal, desktop, text) == text


async def test_old_and_new_keysyms_are_the_same_letter(terminal: Terminal) -> None:
    async with typing(terminal, "ru") as desktop:
        for keysym in (CYRILLIC_A, 0x01000430):
            await desktop.press(keysym)
            await desktop.release(keysym)
        assert await arriving(terminal, desktop, "ё") == "ааё"


async def test_groups_are_used_and_left(terminal: Terminal) -> None:
    async with typing(terminal, "us,ru", "-option", "grp:menu_toggle") as desktop:
        for _ in range(2):
            assert await arriving(terminal, desktop, "aжAЖ€ñ漢b") == "aжAЖ€ñ漢b"
            with listening(terminal.server) as listener:
                group = listener.mask() >> 13
                await desktop.press(CONTROL, keysym_of("c"))
                events = await listener.take(2, X.KeyPress)
                assert events[-1].detail == listener.keycode(keysym_of("c"))
                await desktop.release(keysym_of("c"), CONTROL)
                await until_released(listener)
                assert listener.mask() >> 13 == group
                await desktop.press(ISO_NEXT_GROUP)
                await desktop.release(ISO_NEXT_GROUP)
                await listener.take(1, X.KeyPress)
                assert listener.mask() >> 13 != group
    await asyncio.to_thread(terminal.server.run, "setxkbmap", "-option", "")


async def test_the_keymap_is_read_again_when_it_changes(terminal: Terminal) -> None:
    async with typing(terminal, "us") as desktop:
        assert await arriving(terminal, desktop, "yz漢") == "yz漢"
        await asyncio.to_thread(terminal.server.run, "setxkbmap", "de")
        assert await arriving(terminal, desktop, "yzü字") == "yzü字"
        await asyncio.to_thread(terminal.server.run, "xmodmap", "-e", "keycode 24 = oslash Oslash")
        assert await arriving(terminal, desktop, "øØqQ漢") == "øØqQ漢"


@pytest.mark.parametrize("held", [(), (SHIFT,), (CONTROL, SHIFT)])
async def test_held_modifiers_survive_what_needs_others(terminal: Terminal, held: tuple[int, ...]) -> None:
    async with typing(terminal, "us") as desktop:
        with listening(terminal.server) as listener:
            await desktop.press(*held)
            for character in "a/?漢":
                await desktop.press(keysym_of(character))
                await desktop.release(keysym_of(character))
            await desktop.press(0xFF1B)
            events = await listener.take(6 + len(held), X.KeyPress)
            assert events[-1].state & 0xFF == sum(SHIFT_MASK if key == SHIFT else CONTROL_MASK for key in held)
            await desktop.release(0xFF1B, *reversed(held))
            await until_released(listener)


async def until_released(listener: Listener) -> None:
    async with asyncio.timeout(5):
        while listener.held_keys():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("held", "character", "state"), [
    ((CONTROL,), "c", CONTROL_MASK),
    ((CONTROL,), "C", CONTROL_MASK),
    ((CONTROL, SHIFT), "c", CONTROL_MASK | SHIFT_MASK),
    ((CONTROL, SHIFT), "C", CONTROL_MASK | SHIFT_MASK),
])  # fmt: skip
@pytest.mark.parametrize("is_caps_locked", [False, True])
async def test_shortcuts_keep_their_modifiers(
    terminal: Terminal, held: tuple[int, ...], character: str, state: int, is_caps_locked: bool
) -> None:
    async with typing(terminal, "us") as desktop:
        locks = (CAPS_LOCK,) if is_caps_locked else ()
        with listening(terminal.server) as listener:
            await desktop.press(*locks)
            await desktop.release(*locks)
            await desktop.press(*held, keysym_of(character))
            events = await listener.take(len(locks) + len(held) + 1, X.KeyPress)
            assert events[-1].detail == listener.keycode(keysym_of("c"))
            assert events[-1].state & ~LOCK_MASK == state
            await desktop.release(keysym_of(character), *held)
            await desktop.press(*locks)
            await desktop.release(*locks)
            await until_released(listener)


async def test_a_key_is_released_by_its_code_whatever_it_gives_by_then(terminal: Terminal) -> None:
    async with typing(terminal, "us") as desktop:
        with listening(terminal.server) as listener:
            await desktop.press(SHIFT)
            await desktop.source.inject(Key(keysym_of("!"), "Digit1", True))
            await desktop.release(SHIFT)
            await desktop.source.inject(Key(keysym_of("1"), "Digit1", False))
            events = await listener.take(2, X.KeyRelease)
            assert events[1].detail == listener.keycode(keysym_of("1"))
            assert not listener.held_keys()


async def test_everything_held_is_released_when_the_source_closes(terminal: Terminal) -> None:
    with listening(terminal.server) as listener:
        async with typing(terminal, "us") as desktop:
            await desktop.press(SHIFT, CONTROL, keysym_of("x"), 0xFFEB)
            await listener.take(4, X.KeyPress)
            assert len(listener.held_keys()) == 4
        assert not listener.held_keys()
        assert listener.mask() & 0xFF == 0


async def test_spare_keys_are_given_back(terminal: Terminal) -> None:
    async with typing(terminal, "us") as desktop:
        before = terminal.server.run("xmodmap", "-pke")
        assert await arriving(terminal, desktop, EAST) == EAST
        assert terminal.server.run("xmodmap", "-pke") != before
    assert terminal.server.run("xmodmap", "-pke") == before


async def test_what_hits_everybody_is_refused(terminal: Terminal) -> None:
    async with typing(terminal, "us", "-option", "terminate:ctrl_alt_bksp") as desktop:
        with listening(terminal.server) as listener:
            for keysym in (0xFED5, 0x1008FE01, 0x1008FE0C, 0x1008FE20):
                await desktop.press(keysym)
                await desktop.release(keysym)
            await desktop.press(CONTROL, ALT, BACKSPACE, F1)
            await desktop.release(BACKSPACE, F1, ALT, CONTROL)
            await desktop.press(keysym_of("z"))
            events = await listener.take(3, X.KeyPress)
            keycodes = [listener.keycode(keysym) for keysym in (CONTROL, ALT, keysym_of("z"))]
            assert [event.detail for event in events] == keycodes
            await desktop.release(keysym_of("z"))
    await asyncio.to_thread(terminal.server.run, "setxkbmap", "-option", "")


async def test_keys_by_their_place_are_what_the_desktop_has_there(terminal: Terminal) -> None:
    async with typing(terminal, "fr") as desktop:
        for code in ("KeyQ", "KeyW", "Digit2", "IntlBackslash", "F24", "NoSuchKey"):
            await desktop.source.inject(Key(0, code, True))
            await desktop.source.inject(Key(0, code, False))
        await desktop.press(SHIFT)
        await desktop.source.inject(Key(0, "KeyA", True))
        await desktop.source.inject(Key(0, "KeyA", False))
        await desktop.release(SHIFT)
        assert await arriving(terminal, desktop, "") == "azé<Q"


async def test_shortcuts_by_letters_that_the_desktop_lacks_are_those_of_their_keys(terminal: Terminal) -> None:
    async with typing(terminal, "us") as desktop:
        with listening(terminal.server) as listener:
            await desktop.press(CONTROL)
            await desktop.source.inject(Key(0x01000441, "KeyC", True))
            events = await listener.take(2, X.KeyPress)
            assert events[1].detail == listener.keycode(keysym_of("c"))
            assert events[1].state & CONTROL_MASK
            await desktop.source.inject(Key(0x01000441, "KeyC", False))
            await desktop.release(CONTROL)
            await until_released(listener)


async def test_no_place_of_a_key_ends_the_server(terminal: Terminal) -> None:
    async with typing(terminal, "us", "-option", "terminate:ctrl_alt_bksp") as desktop:
        await desktop.press(CONTROL, ALT)
        for code in ("Backspace", "F1", "F12", "NumpadAdd"):
            await desktop.source.inject(Key(0, code, True))
            await desktop.source.inject(Key(0, code, False))
        await desktop.release(ALT, CONTROL)
        assert await arriving(terminal, desktop, "still here") == "still here"
    await asyncio.to_thread(terminal.server.run, "setxkbmap", "-option", "")


async def test_any_number_for_a_keysym_is_harmless(terminal: Terminal) -> None:
    async with typing(terminal, "us") as desktop:
        for keysym in (
            0,
            1,
            0x7F,
            0x01000000,
            0x0100000A,
            0x0100D800,
            0x01110000,
            0x1FFFFFFF,
            0xFFFFFFFF,
            1 << 40,
        ):
            await desktop.source.inject(Key(keysym, "", True))
            await desktop.source.inject(Key(keysym, "", False))
        assert await arriving(terminal, desktop, "still here") == "still here"
