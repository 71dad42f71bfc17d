"""A screen without X: pictures, text and motion, always the same; it echoes keys, pointer and wheel."""

import asyncio
import time
from typing import Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from voxy.blocks import Rect, Size
from voxy.errors import ConfigError
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.session.clips import TEXT, Clip
from voxy.session.events import Delivery, InputEvent, Key, Offer, Pointer, Wheel
from voxy.sources.base import ClipChanged, Cursor, CursorChanged, Damage, Notify

_PAPER, _INK, _BALL, _STROKE = 0xF7F6F2, 0x2B2D33, 0xD9643A, 0x3A6FD9
_LINE = 22
_STEP_S = 1 / 30
_RETURN, _BACKSPACE, _CONTROL = 0xFF0D, 0xFF08, 0xFFE3
_TEXT = (
    "VoXY brings a desktop into any web browser. This is its built-in screen: no X server is needed. "
    "Type, and it is echoed above; press a button of the pointer, and you draw; turn the wheel, and this page moves. "
    "The picture on the right is a photograph to VoXY: it may come blurred and is exact when it rests. "
)


class DemoSource:
    """Left a page of text that scrolls, right a picture and a ball that moves; typing goes to the top line.

    Control with C copies that line, Control with V types what was copied.

    The ball moves only while somebody waits for a grab, and not at all with `still`.
    """

    def __init__(self, size: Size, is_still: bool) -> None:
        self._size = size
        self._is_still = is_still
        self._font = ImageFont.load_default(15)
        self._page = self._draw_page()
        self._screen = self._page.copy()
        self._damage: list[Rect] = []
        self._changed = asyncio.Event()
        self._typed = ""
        self._scrolled = 0
        self._has_control = False
        self._clip = Clip({})
        self._offer: Offer | None = None
        self._is_paste_due = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1280x720`, `1280x720,still` or nothing at all."""
        size, _, still = text.partition(",")
        try:
            return cls(Size.parse(size or "1280x720"), {"": False, "still": True}[still])
        except (ValueError, KeyError):
            raise ConfigError(f"There is no demo:{text}; use demo:WIDTHxHEIGHT or demo:WIDTHxHEIGHT,still.") from None

    async def open(self, notify: Notify) -> Size:
        self._damage = [Rect.of(self._size)]
        self._changed.set()
        self._notify = notify
        notify(CursorChanged(_arrow()))
        return self._size

    async def grab(self, framebuffer: Framebuffer) -> Damage:
        await self._until_change()
        framebuffer.noticed_at = time.monotonic()
        damage, self._damage = tuple(self._damage), []
        self._changed.clear()
        back = framebuffer.fit_back(self._size)
        for rect in damage:
            where = rect.slices
            back[where] = self._screen[where]
        return damage

    async def inject(self, event: InputEvent) -> None:
        match event:
            case Key(keysym=keysym, is_down=is_down) if keysym == _CONTROL:
                self._has_control = is_down
            case Key(keysym, _, True) if self._has_control:
                self._command(keysym)
            case Key(keysym, _, True):
                self._type(keysym)
            case Offer():
                self._offer = event
            case Delivery() if event.offer is self._offer:
                self._offer, self._clip = None, event.clip or self._clip
                self._paste()
            case Pointer(x, y, buttons):
                if buttons:
                    self._fill(Rect(x - 3, y - 3, 7, 7), _STROKE)
            case Wheel(_, _, _, dy):
                self._scroll(dy)

    async def fetch_clip(self, most_bytes: int) -> Clip:
        return self._clip if self._clip.size <= most_bytes else Clip({}, is_too_large=True)

    async def close(self) -> None:
        self._changed.clear()

    async def _until_change(self) -> None:
        if self._is_still:
            await self._changed.wait()
            return
        try:
            async with asyncio.timeout(_STEP_S):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._move_ball()

    # What is drawn

    def _draw_page(self) -> Pixels:
        width, height = self._size
        image = Image.new("RGB", self._size, f"#{_PAPER:06x}")
        draw = ImageDraw.Draw(image)
        words = (_TEXT * 40).split()
        for y in range(3 * _LINE, height - _LINE, _LINE):
            line = ""
            while words and draw.textlength(f"{line} {words[0]}", self._font) < width // 2 - 48:
                line += f" {words.pop(0)}"
            draw.text((20, y), line.strip(), fill=f"#{_INK:06x}", font=self._font)
        picture = self._photograph(max(1, width // 2 - 40), max(1, height // 2))
        image.paste(picture, (width // 2 + 20, 3 * _LINE))
        return _pixels(image)

    @staticmethod
    def _photograph(width: int, height: int) -> Image.Image:
        """A picture with the smooth shades and the noise of a camera's."""
        random = np.random.default_rng(1)
        coarse = Image.fromarray((random.random((6, 8, 3)) * 255).astype(np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
        return Image.fromarray(np.clip(smooth + random.normal(0, 3, smooth.shape), 0, 255).astype(np.uint8))

    def _command(self, keysym: int) -> None:
        if keysym == ord("c"):
            self._clip, self._offer = Clip({TEXT: self._typed.encode()}), None
            self._notify(ClipChanged())
        elif keysym == ord("v"):
            self._is_paste_due = True
            self._paste()

    def _paste(self) -> None:
        """Type what was copied, once it has come."""
        if self._is_paste_due and not self._offer:
            self._is_paste_due = False
            for character in self._clip.parts.get(TEXT, b"").decode():
                self._type(ord(character))

    def _type(self, keysym: int) -> None:
        point = keysym & 0xFFFFFF if keysym >= 0x01000000 else keysym
        if keysym == _BACKSPACE:
            self._typed = self._typed[:-1]
        elif keysym == _RETURN:
            self._typed = ""
        elif 0x20 <= point < 0xFF00 or point > 0xFFFF:
            self._typed = (self._typed + chr(point))[-80:]
        width = self._size.width - 40
        line = Image.new("RGB", (max(1, width), _LINE), f"#{_PAPER:06x}")
        ImageDraw.Draw(line).text((0, 0), f"{self._typed}▏", fill=f"#{_INK:06x}", font=self._font)
        self._put(Rect(20, _LINE, width, _LINE), _pixels(line))

    def _scroll(self, dy: int) -> None:
        self._scrolled += dy * _LINE // 120
        rows = np.roll(self._page[3 * _LINE :, : self._size.width // 2], -self._scrolled, axis=0)
        self._put(Rect(0, 3 * _LINE, self._size.width // 2, self._size.height - 3 * _LINE), rows)

    def _move_ball(self) -> None:
        steps = int(time.monotonic() / _STEP_S)
        lane = Rect(self._size.width // 2 + 20, self._size.height - 3 * _LINE, self._size.width // 2 - 40, _LINE)
        track = max(1, lane.width - _LINE)
        offset = abs(steps * 6 % (2 * track) - track)
        self._fill(lane, _PAPER)
        self._fill(Rect(lane.x + offset, lane.y, _LINE, _LINE), _BALL)

    def _fill(self, rect: Rect, colour: int) -> None:
        if inside := rect.intersect(Rect.of(self._size)):
            self._put(inside, np.full((inside.height, inside.width), colour, dtype=np.uint32))

    def _put(self, rect: Rect, pixels: Pixels) -> None:
        if inside := rect.intersect(Rect.of(self._size)):
            self._screen[inside.slices] = pixels[: inside.height, : inside.width]
            self._damage.append(inside)
            self._changed.set()


def _pixels(image: Image.Image) -> Pixels:
    """BGRX pixels of an RGB image."""
    return np.asarray(image.convert("RGBA"))[:, :, [2, 1, 0, 3]].copy().view(np.uint32)[:, :, 0] & np.uint32(0xFFFFFF)


def _arrow() -> Cursor:
    """An arrow of 12×19 pixels: black with a white rim."""
    image = Image.new("RGBA", (12, 19))
    outline = [(0, 0), (0, 16), (4, 12), (7, 18), (9, 17), (6, 11), (11, 11)]
    ImageDraw.Draw(image).polygon(outline, fill=(20, 20, 20, 255), outline=(255, 255, 255, 255))
    return Cursor(1, image.width, image.height, 0, 0, image.tobytes())
