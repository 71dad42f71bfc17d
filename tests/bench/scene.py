"""A program of known behaviour on an X display: python -m tests.bench.scene NAME WIDTHxHEIGHT.

It draws its scene at a steady rate and a letter for each key or click, stamps every frame, and prints `ready` when
it is seen. A scene is a generator: each turn draws one frame and yields the part that it drew.
"""

import keyword
import math
import os
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pygame
from pygame import Rect, Surface
from pygame.font import Font

from tests.bench.cases import SCENES
from tests.bench.stamp import CELL_PX, CELLS, WIDTH_PX, Stamp

Frames = Iterator[Rect]

_SEED = 1
_WORDS = [word for word in [*dir(math), *dir(str), *keyword.kwlist] if not word.startswith("_")]
_PAPER, _INKS = (250, 250, 248), ((30, 30, 34), (20, 60, 160), (150, 40, 20))
_NIGHT, _GLOWS = (24, 26, 30), ((220, 220, 210), (90, 150, 230), (200, 110, 60), (90, 160, 90))
_PHOTO_CELL_PX = 60
_LONGEST_WAIT_MS = 250
_SDL = {
    "SDL_VIDEO_WINDOW_POS": "0,0",
    "SDL_FRAMEBUFFER_ACCELERATION": "0",  # By MIT-SHM and just what changed; else SDL draws the whole window each time.
}


def echo(screen: Surface) -> Frames:
    """A page of text, still; only what is typed changes it."""
    screen.blit(text_page(screen.get_rect(), _sans()), (0, 0))
    yield screen.get_rect()


def scroll(screen: Surface) -> Frames:
    """A page of text that scrolls smoothly."""
    yield from _rolling(screen, text_page(_thrice(screen), _sans()), step_px=6)


def term(screen: Surface) -> Frames:
    """A dark terminal in which lines run by."""
    font = _mono()
    yield from _rolling(screen, text_page(_thrice(screen), font, dark=True), step_px=font.get_linesize())


def video(screen: Surface) -> Frames:
    """A moving photograph on two thirds of a page's width and height."""
    place = screen.get_rect()
    screen.blit(text_page(place, _sans()), (0, 0))
    place.scale_by_ip(2 / 3)
    yield from _playing(screen, place)


def fullvideo(screen: Surface) -> Frames:
    """A moving photograph on the whole screen."""
    yield from _playing(screen, screen.get_rect())


def drag(screen: Surface) -> Frames:
    """A window of text that is dragged over a photograph."""
    wall = photograph(screen.get_rect(), _SEED)
    screen.blit(wall, (0, 0))
    window = Rect(0, 0, 800, 600)
    page = text_page(window, _sans())
    room_x, room_y = screen.get_width() - window.width, screen.get_height() - window.height
    dirty, frame = screen.get_rect(), 0
    while True:
        window.topleft = (int(room_x / 2 * (1 + math.sin(frame / 25))), int(room_y / 2 * (1 + math.cos(frame / 31))))
        screen.blit(page, window)
        yield dirty.union(window)
        screen.blit(wall, window, window)
        dirty, frame = window.copy(), frame + 1


def slides(screen: Surface) -> Frames:
    """A new full screen each time: photographs and text in turn."""
    whole = screen.get_rect()
    pages = [
        photograph(whole, _SEED + 3),
        text_page(whole, _sans()),
        text_page(whole, _mono(), dark=True),
        photograph(whole, _SEED),
    ]
    while True:
        for page in pages:
            screen.blit(page, (0, 0))
            yield whole


DRAWN: dict[str, Callable[[Surface], Frames]] = {
    "echo": echo,
    "scroll": scroll,
    "term": term,
    "video": video,
    "fullvideo": fullvideo,
    "drag": drag,
    "slides": slides,
    "idle": echo,
}


def _rolling(screen: Surface, page: Surface, step_px: int) -> Frames:
    whole, offset = screen.get_rect(), 0
    while True:
        screen.blit(page, (0, 0), whole.move(0, offset))
        yield whole
        offset = (offset + step_px) % (page.get_height() - whole.height)


def _playing(screen: Surface, place: Rect) -> Frames:
    """Pan over one photograph after another."""
    scenes, frame = [photograph(place.inflate(64, 64), _SEED + i) for i in range(4)], 0
    while True:
        eye = Rect(32 + 32 * math.sin(frame / 9), 32 + 32 * math.cos(frame / 7), *place.size)
        screen.blit(scenes[frame // 40 % len(scenes)], place, eye)
        yield place
        frame += 1


def text_page(place: Rect, font: Font, dark: bool = False) -> Surface:
    """Lines of words in some colours."""
    page = Surface(place.size)
    page.fill(_NIGHT if dark else _PAPER)
    colours = _GLOWS if dark else _INKS
    random = np.random.default_rng(_SEED)
    for top in range(0, place.height - font.get_linesize(), font.get_linesize()):
        left = 12
        for _ in range(random.integers(14)):
            word = font.render(random.choice(_WORDS), True, colours[random.integers(len(colours))])
            if left + word.get_width() > place.width - 12:
                break
            page.blit(word, (left, top))
            left += word.get_width() + 8
    return page


def photograph(place: Rect, seed: int) -> Surface:
    """Soft colours with the grain of a camera."""
    random = np.random.default_rng(seed)
    coarse = random.integers(256, size=(place.width // _PHOTO_CELL_PX + 2, place.height // _PHOTO_CELL_PX + 2, 3))
    soft = pygame.transform.smoothscale(pygame.surfarray.make_surface(coarse), place.size)
    pixels = pygame.surfarray.array3d(soft) + random.normal(0, 2, (*place.size, 3))
    return pygame.surfarray.make_surface(pixels.clip(0, 255).astype(np.uint8))


def _sans() -> Font:
    return pygame.font.SysFont("dejavusans", 17)


def _mono() -> Font:
    return pygame.font.SysFont("dejavusansmono", 15)


def _thrice(screen: Surface) -> Rect:
    return Rect(0, 0, screen.get_width(), 3 * screen.get_height())


class Typist:
    """Draws a letter for each input, from left to right and line by line."""

    def __init__(self, screen: Surface) -> None:
        self._screen = screen
        self._place = Rect(40, 60, 12, 20)
        self._letters = [_sans().render(letter, True, _INKS[0]) for letter in "abcdefgh"]
        self.inputs = 0

    def type(self, inputs: int) -> Rect:
        """Draw the letter of the newest of `inputs` new ones."""
        self.inputs += inputs
        place = self._place.copy()
        self._screen.fill(_PAPER, place)
        self._screen.blit(self._letters[self.inputs % len(self._letters)], place)
        self._place.x += place.width
        if self._place.right > self._screen.get_width() - 40:
            self._place.x = 40
            self._place.y = 60 if place.y > self._screen.get_height() - 80 else place.y + 22
        return place


def stamp(screen: Surface, inputs: int) -> list[Rect]:
    """Draw the time and the count of inputs into two opposite corners."""
    word = Stamp(int(time.time() * 1000), inputs).serialize()
    corner = Rect(0, 0, WIDTH_PX, CELL_PX)
    corners = [corner, corner.move(screen.get_width() - WIDTH_PX, screen.get_height() - CELL_PX)]
    for left, top, *_ in corners:
        for cell in range(CELLS):
            colour = (255, 255, 255) if word >> (CELLS - 1 - cell) & 1 else (0, 0, 0)
            screen.fill(colour, (left + cell * CELL_PX, top, CELL_PX, CELL_PX))
    return corners


def _count_inputs(wait_ms: int) -> int | None:
    """Wait for an event, take all that are there, and count keys and clicks; None says that it is time to end."""
    inputs, event = 0, pygame.event.wait(wait_ms) if wait_ms else pygame.event.poll()
    while event.type != pygame.NOEVENT:
        if event.type == pygame.QUIT:
            return None
        inputs += event.type in (pygame.KEYDOWN, pygame.MOUSEBUTTONDOWN)
        event = pygame.event.poll()
    return inputs


def run(name: str, size: tuple[int, int]) -> None:
    """Show a scene until somebody ends this program."""
    os.environ.update(_SDL)
    pygame.display.init()
    pygame.font.init()
    screen = pygame.display.set_mode(size, pygame.NOFRAME)
    frames, period_s, typist = DRAWN[name](screen), 1 / (SCENES[name].fps or math.inf), Typist(screen)
    next(frames)
    stamp(screen, 0)
    pygame.display.flip()
    print("ready", flush=True)
    due = time.monotonic()
    while True:
        wait_ms = int(max(0.0, due - time.monotonic()) * 1000) if period_s else _LONGEST_WAIT_MS
        if (inputs := _count_inputs(wait_ms)) is None:
            return
        dirty = [typist.type(inputs)] if inputs else []
        if period_s and (now := time.monotonic()) >= due:
            # A program that was late goes on from here; it does not catch up in a burst.
            due = max(due + period_s, now - 0.05)
            dirty.append(next(frames))
        if dirty:
            pygame.display.update(dirty + stamp(screen, typist.inputs))


if __name__ == "__main__":
    width, height = map(int, sys.argv[2].split("x"))
    run(sys.argv[1], (width, height))
