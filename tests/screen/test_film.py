"""FilmFinder, fed with what BlockDiffer finds on screens where films, text and windows move."""

import numpy as np
import pytest

from tests.pictures import photograph, text
from voxy.blocks import BlockGrid, Rect, Size
from voxy.blocks.generations import Blocks
from voxy.screen.comparison import changed_beside
from voxy.screen.differ import BlockDiffer
from voxy.screen.film import Film, FilmFinder
from voxy.screen.framebuffer import Framebuffer, Pixels

SCREEN = Size(1280, 768)
FILM = Rect(203, 117, 701, 433)


class Show:
    """A screen on which a test draws, with a clock that goes from picture to picture."""

    def __init__(self, page: Pixels, fps: float = 30.0) -> None:
        self.framebuffer = Framebuffer(Size(1, 1))
        self.finder = FilmFinder()
        self.now = 100.0
        self.fps = fps
        self._differ = BlockDiffer()
        self.draw(page)
        self.next()

    @property
    def screen(self) -> Pixels:
        """What is grabbed next."""
        return self.framebuffer.fit_back(SCREEN)[: SCREEN.height, : SCREEN.width]

    def draw(self, pixels: Pixels, left: int = 0, top: int = 0) -> None:
        height, width = pixels.shape
        self.screen[top : top + height, left : left + width] = pixels

    def next(self) -> Film | None:
        """Show what was drawn; the film of which it is a frame."""
        self.now += 1 / self.fps
        running, damage = self.finder.current(self.now), (Rect.of(self.framebuffer.size),)
        difference = self._differ.diff(self.framebuffer, damage, running.rect if running else None)
        return self.finder.feed(self.framebuffer, difference, self.now)


class Panning:
    """Photographs that move within a rect, never twice in a row the same."""

    def __init__(self, rect: Rect = FILM, seed: int = 1) -> None:
        self.rect = rect
        size = Size(rect.width + 64, rect.height + 64)
        self._pictures = [photograph(size, seed), photograph(size, seed + 100)]
        self._number = 0

    def frame(self) -> Pixels:
        self._number += 1
        left, top = int(32 + 31 * np.sin(self._number / 9)), int(32 + 31 * np.cos(self._number / 7))
        picture = self._pictures[self._number % 2]
        return picture[top : top + self.rect.height, left : left + self.rect.width]

    def play(self, show: Show, frames: int) -> list[Film | None]:
        films = []
        for _ in range(frames):
            show.draw(self.frame(), self.rect.x, self.rect.y)
            films.append(show.next())
        return films


@pytest.fixture
def show() -> Show:
    return Show(text(SCREEN))


def test_a_film_is_found_soon_with_its_very_edges(show: Show) -> None:
    films = Panning().play(show, 20)
    found = films[-1]
    assert found
    assert found.rect == FILM
    assert (found.blocks == show.framebuffer.grid.touched([FILM])).all()
    assert films[14] is found


def test_it_is_found_on_a_slow_line_too(show: Show) -> None:
    show.fps = 5
    films = Panning().play(show, 40)
    assert films[12]
    assert all(film is films[12] for film in films[12:])


def test_it_is_found_where_hardly_any_of_it_is_seen(show: Show) -> None:
    show.fps = 1.7
    films = Panning().play(show, 16)
    assert films[9]
    assert all(film is films[9] for film in films[9:])


def test_slides_are_none(show: Show) -> None:
    show.fps = 1.0
    for seed in range(12):
        show.draw(photograph(SCREEN, seed=seed + 2))
        assert show.next() is None
        assert show.finder._candidate is None, "nor is a picture kept to compare with"


def test_a_few_photographs_in_a_hurry_are_none(show: Show) -> None:
    show.now += 60
    assert Panning().play(show, 6) == [None] * 6


@pytest.mark.parametrize("rect", [Rect(0, 0, *SCREEN), Rect(64, 128, 640, 384), Rect(500, 0, 780, 400)])
def test_wherever_it_is(show: Show, rect: Rect) -> None:
    found = Panning(rect).play(show, 20)[-1]
    assert found
    assert found.rect == rect


def test_it_keeps_its_rect_whatever_happens_in_it(show: Show) -> None:
    panning = Panning()
    found = panning.play(show, 20)[-1]
    random = np.random.default_rng(5)
    for number in range(120):
        frame = panning.frame().copy()
        # Scenes of which a part is dark, and other parts that stand still now and then.
        if number % 30 < 10:
            frame[:, : FILM.width // 2] = 0
        rows = np.repeat(random.random(FILM.height // 48 + 1) < 0.7, 48)[: FILM.height]
        still = show.screen[FILM.y : FILM.bottom, FILM.x : FILM.right]
        show.draw(np.where(rows[:, None], frame, still), FILM.x, FILM.y)
        assert show.next() is found


def test_it_ends_when_it_rests(show: Show) -> None:
    found = Panning().play(show, 20)[-1]
    assert show.finder.current(show.now + 0.2) is found
    assert show.finder.current(show.now + 0.3) is None
    assert Panning().play(show, 1) == [None]


def test_typing_is_not_a_frame(show: Show) -> None:
    panning = Panning()
    found = panning.play(show, 20)[-1]
    for number in range(20):
        show.draw(text(Size(10, 20)), 20 + number * 12, 50)
        assert show.next() is None
        assert panning.play(show, 1) == [found]


def test_a_film_of_few_pixels_that_are_enlarged_is_one(show: Show) -> None:
    small = Panning(Rect(FILM.x, FILM.y, FILM.width // 2, FILM.height // 2))
    for _ in range(25):
        show.draw(small.frame().repeat(2, axis=0).repeat(2, axis=1), FILM.x, FILM.y)
        film = show.next()
    assert film
    assert film.rect.width >= FILM.width - 2


def test_text_that_takes_its_place_ends_it(show: Show) -> None:
    assert Panning().play(show, 20)[-1]
    page = text(Size(FILM.width, FILM.height * 3))
    for number in range(30):
        show.draw(page[number * 6 :][: FILM.height], FILM.x, FILM.y)
        assert show.next() is None


@pytest.mark.parametrize("step", [1, 6, 17])
def test_text_that_scrolls_is_none(show: Show, step: int) -> None:
    page = text(Size(SCREEN.width, SCREEN.height * 3))
    for number in range(60):
        show.draw(page[number * step :][: SCREEN.height])
        assert show.next() is None


def test_text_that_scrolls_beside_it_is_not_of_it(show: Show) -> None:
    page, panning = text(Size(300, SCREEN.height * 3)), Panning()
    for number in range(40):
        show.draw(page[number * 6 :][: SCREEN.height], FILM.right + 4, 0)
        found = panning.play(show, 1)[0]
    assert found
    assert found.rect == FILM


def test_a_dozen_blocks_are_enough(show: Show) -> None:
    rect = Rect(130, 130, 250, 188)
    found = Panning(rect).play(show, 20)[-1]
    assert found
    assert found.rect == rect


def test_a_small_one_is_none(show: Show) -> None:
    assert not any(Panning(Rect(128, 128, 192, 160)).play(show, 40))


def test_a_window_that_is_dragged_is_none() -> None:
    wall, window = photograph(SCREEN, 7), text(Size(500, 400))
    show = Show(wall)
    for number in range(80):
        show.draw(wall)
        show.draw(window, int(390 * (1 + np.sin(number / 25))), int(180 * (1 + np.cos(number / 31))))
        assert show.next() is None


def test_a_player_that_gets_smaller_gets_another_rect(show: Show) -> None:
    large = Panning().play(show, 20)[-1]
    show.draw(text(SCREEN))
    show.next()
    small = Rect(300, 200, 400, 260)
    films = Panning(small).play(show, 90)
    assert films[-1]
    assert films[-1].rect == small
    assert {film.rect for film in films if film} <= {FILM, small}
    assert large not in films[45:]


@pytest.mark.parametrize("pane", [Rect(0, 0, *SCREEN), Rect(100, 10, 1100, 700)])
def test_it_goes_along_with_the_page_that_it_is_in(pane: Rect) -> None:
    page, panning = text(Size(SCREEN.width, SCREEN.height * 3)), Panning()
    show = Show(page[: SCREEN.height].copy())
    found = panning.play(show, 20)[-1]
    assert found
    for number in range(1, 40):
        # Up and down again; every second picture of the page has none of its own.
        top = 5 * min(number, 40 - number)
        show.screen[pane.slices] = page[top : top + SCREEN.height][pane.slices]
        if number % 2:
            frame = panning.frame()
        show.draw(frame, FILM.x, FILM.y - top)
        assert show.next() is found
        assert found.rect == FILM.moved(0, -top)
        assert (found.blocks == show.framebuffer.grid.touched([found.rect])).all()


def test_what_of_it_is_beside_the_text_of_a_page_that_scrolls_is_none() -> None:
    # Right of the lines nothing tells that the page moves, but the film.
    page, panning = np.full((SCREEN.height * 2, SCREEN.width), 0xFAFAF8, dtype=np.uint32), Panning()
    page[:, :600] = text(Size(600, SCREEN.height * 2))
    show = Show(page[: SCREEN.height].copy())
    for number in range(1, 50):
        show.draw(page[number * 6 :][: SCREEN.height])
        frame = panning.frame()[max(0, 6 * number - 200) :]
        show.draw(frame, FILM.x, max(0, 200 - 6 * number))
        assert show.next() is None


def test_it_stays_where_it_is_over_a_page_that_scrolls(show: Show) -> None:
    page, panning = text(Size(SCREEN.width, SCREEN.height * 3)), Panning(Rect(700, 400, 500, 300))
    found = panning.play(show, 20)[-1]
    assert found
    for number in range(20):
        show.draw(page[number * 6 :][: SCREEN.height])
        assert panning.play(show, 1) == [found]
        assert found.rect == panning.rect


def test_what_it_covers_in_part_is_at_its_edges() -> None:
    grid = BlockGrid(SCREEN)
    for rect in (FILM, Rect(0, 0, *SCREEN), Rect(64, 64, 256, 192), Rect(70, 70, 50, 300), Rect(900, 500, 380, 268)):
        film = Film(rect, grid)
        is_edge = [grid.rect(block).intersect(rect) != grid.rect(block) for block in film.blocks.tolist()]
        assert film.edges.tolist() == film.blocks[is_edge].tolist()


def test_a_change_beside_it_within_its_blocks_is_seen(show: Show) -> None:
    def beside() -> Blocks:
        return changed_beside(show.framebuffer, FILM)

    panning = Panning()
    show.draw(panning.frame(), FILM.x, FILM.y)
    assert not beside().size
    for x, y in [(FILM.x - 1, 300), (FILM.right, 300), (400, FILM.y - 1), (400, FILM.bottom)]:
        show.next()
        show.draw(panning.frame(), FILM.x, FILM.y)
        show.screen[y, x] ^= 0xFF
        assert beside().tolist() == show.framebuffer.grid.touched([Rect(x, y, 1, 1)]).tolist()
    show.next()
    show.screen[0, 0] ^= 0xFF
    assert not beside().size


def test_another_size_of_the_screen_ends_it(show: Show) -> None:
    assert Panning().play(show, 20)[-1]
    show.framebuffer.fit_back(Size(640, 480))[:] = 1
    assert show.next() is None
    assert show.finder.current(show.now) is None
