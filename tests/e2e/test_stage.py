"""A stage that chance moves, in a real browser: whatever happened, the canvas equals the screen when it rests."""

import asyncio
import random

import numpy as np
import pytest
from playwright.async_api import BrowserContext
from Xlib.display import Display

from tests.e2e.support import open_page, paint, serving, until_same, x_client
from tests.pictures import photograph
from tests.scripted import Stage
from tests.xservers import XServer, xvnc
from voxy.blocks import Rect, Size

SIZES = [Size(1021, 743), Size(800, 600), Size(1280, 720)]
FILM = Rect(131, 77, 401, 301)


def move(display: Display, source: Rect, x: int, y: int) -> None:
    """Have the X server itself move pixels, as windows that are dragged and panes that scroll are."""
    root = display.screen().root
    root.copy_area(root.create_gc(), root, source.x, source.y, source.width, source.height, x, y)
    display.sync()


def play(server: XServer, stage: Stage, chance: random.Random) -> None:
    """A few acts, one right after the other: what is drawn, what the X server moves, a film for a moment."""
    for _ in range(chance.randrange(2, 7)):
        act = chance.random()
        if act < 0.15:
            run_film(server, stage, chance)
        elif act < 0.45:
            with x_client(server) as display:
                width, height = chance.randrange(100, 600), chance.randrange(100, 500)
                left, top = (chance.randrange(side - 90) for side in stage.size)
                source = Rect(left, top, width, height)
                for _ in range(chance.randrange(1, 12)):
                    move(display, source, source.x + chance.randrange(-30, 31), source.y + chance.randrange(-30, 31))
        else:
            stage.act()
            paint(server, stage.draw())


def run_film(server: XServer, stage: Stage, chance: random.Random) -> None:
    frames = [photograph(Size(FILM.width, FILM.height), seed=seed) for seed in range(4)]
    for number in range(chance.randrange(10, 30)):
        paint(server, frames[number % 4], FILM.x, FILM.y)
        if number % 5 == 0:
            paint(server, np.full((20, 12), number * 7919, dtype=np.uint32), FILM.x - 6, FILM.y + 40)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_moves_the_canvas_is_right_at_rest(context: BrowserContext, seed: int) -> None:
    chance = random.Random(seed)
    with xvnc(SIZES[0]) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            page = await open_page(context, served.url)
            stage = Stage(SIZES[0], chance)
            for _ in range(6):
                if chance.random() < 0.3:
                    stage = Stage(chance.choice(SIZES), chance)
                    await asyncio.to_thread(server.resize, stage.size)
                if chance.random() < 0.2:
                    await page.reload()
                await asyncio.to_thread(play, server, stage, chance)
                await until_same(page, server, within_s=4)
