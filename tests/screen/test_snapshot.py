import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pictures import PaintedScreen, framebuffer_of, photograph, text
from voxy.blocks import Atlas, Deflated, Encoding, Fill, Operation, Patches, Rect, Size
from voxy.screen.content import classify
from voxy.screen.digests import Digests
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.screen.snapshot import Snapshot, Wanted
from voxy.session.quality import LOSSLESS

NONE = np.empty(0, dtype=np.intp)
SIZES = [Size(640, 480), Size(1366, 768), Size(1021, 743), Size(1, 1)]


def everything(framebuffer: Framebuffer) -> np.ndarray:
    return np.arange(framebuffer.grid.count)


def taken(framebuffer: Framebuffer, blocks: np.ndarray, exact: np.ndarray) -> Snapshot:
    digests = Digests().of(framebuffer, np.union1d(blocks, exact))
    return Snapshot.take(framebuffer, 1, Wanted(blocks, exact), digests)


@pytest.mark.parametrize("size", SIZES)
def test_text_is_exact_at_once(size: Size) -> None:
    framebuffer = framebuffer_of(text(size))
    snapshot = taken(framebuffer, everything(framebuffer), NONE)
    assert snapshot.rough.size == 0
    screen = PaintedScreen(size)
    screen.paint(snapshot.encode(80))
    assert (screen.shown == text(size)).all()


@pytest.mark.parametrize("size", SIZES[:3])
def test_photograph_is_rough_first_and_exact_when_it_rests(size: Size) -> None:
    framebuffer = framebuffer_of(photograph(size))
    first = taken(framebuffer, everything(framebuffer), NONE)
    whole = [b for b in everything(framebuffer).tolist() if framebuffer.grid.rect(b)[2:] == (64, 64)]
    assert set(whole) <= set(first.rough.tolist())
    screen = PaintedScreen(size)
    screen.paint(first.encode(80))
    assert not (screen.shown == photograph(size)).all()
    second = taken(framebuffer, NONE, first.rough)
    assert second.rough.size == 0
    screen.paint(second.encode(80))
    assert (screen.shown == photograph(size)).all()


def test_nothing_is_rough_where_all_has_to_be_lossless() -> None:
    size = SIZES[0]
    framebuffer = framebuffer_of(photograph(size))
    blocks, patches = everything(framebuffer), (Rect(3, 5, 130, 70),)
    digests = Digests().of(framebuffer, blocks)
    snapshot = Snapshot.take(framebuffer, 1, Wanted(NONE, blocks, patches, is_lossless=True), digests)
    assert snapshot.rough.size == 0
    screen = PaintedScreen(size)
    screen.paint(snapshot.encode(LOSSLESS))
    assert (screen.shown == photograph(size)).all()


def test_much_text_on_a_slow_line_has_few_colours_until_it_rests() -> None:
    size = Size(1021, 743)
    framebuffer = framebuffer_of(text(size))
    blocks, exact, patch, fix = np.arange(64), np.arange(64, 80), Rect(5, 400, 900, 60), Rect(7, 500, 300, 20)

    def take(most_text: int) -> Snapshot:
        wanted = Wanted(blocks, exact, (patch,), (fix,), most_text=most_text)
        return Snapshot.take(framebuffer, 1, wanted, Digests().of(framebuffer, np.union1d(blocks, exact)))

    assert take(2**20).rough.size == 0
    coarse = take(2**16)
    assert coarse.rough.tolist() == np.union1d(blocks, framebuffer.grid.touched([patch])).tolist()
    screen, as_it_is = PaintedScreen(size), text(size)
    screen.paint(coarse.encode(50))
    for rect in [*map(framebuffer.grid.rect, exact.tolist()), fix]:
        assert (screen.shown[rect.slices] == as_it_is[rect.slices]).all()
    shown, wanted = screen.shown[patch.slices], as_it_is[patch.slices]
    assert 2 < np.unique(shown).size < np.unique(wanted).size
    assert (shown[wanted == 0xFAFAF8] == 0xFAFAF8).all(), "the ground is as it is"
    screen.paint(taken(framebuffer, NONE, coarse.rough).encode(50))
    for rect in map(framebuffer.grid.rect, coarse.rough.tolist()):
        assert (screen.shown[rect.slices] == as_it_is[rect.slices]).all()


def test_a_photograph_is_found_among_what_is_drawn() -> None:
    """Also where most of a patch is plain, and most pixels are like the one left of them."""
    size, patch = Size(640, 480), Rect(10, 20, 300, 60)
    picture = text(size)
    assert [*map(type, _patched(picture, patch))] == [Deflated]
    picture[patch.slices] = 0xFAFAF8
    photo = Rect(10, 20, 120, 60)
    picture[photo.slices] = photograph(size)[photo.slices]
    lossy, drawn = _patched(picture, patch)
    assert isinstance(drawn, Deflated)
    assert drawn.rects == (Rect(130, 20, 180, 60),)
    assert isinstance(lossy, Patches)
    assert lossy.rects == (photo,)
    assert lossy.encoding is Encoding.JPEG


def _patched(picture: Pixels, patch: Rect) -> tuple[Operation, ...]:
    wanted = Wanted(NONE, NONE, (patch,))
    return Snapshot.take(framebuffer_of(picture), 1, wanted, {}).encode(80)


def test_one_colour_is_a_fill() -> None:
    pixels = np.full((128, 192), 0x336699, dtype=np.uint32)
    pixels[:64, :64] = 0
    framebuffer = framebuffer_of(pixels)
    operations = taken(framebuffer, everything(framebuffer), NONE).encode(80)
    assert [(type(o), o.colour, o.blocks.tolist()) for o in operations if isinstance(o, Fill)] == [
        (Fill, 0, [0]),
        (Fill, 0x336699, [1, 2, 3, 4, 5]),
    ]


def test_one_odd_pixel_is_no_fill() -> None:
    pixels = np.full((64, 64), 0x336699, dtype=np.uint32)
    pixels[33, 17] ^= 1
    framebuffer = framebuffer_of(pixels)
    (operation,) = taken(framebuffer, everything(framebuffer), NONE).encode(80)
    assert isinstance(operation, Atlas)


def test_few_colours_without_flat_ground_are_interface() -> None:
    pixels = np.indices((64, 64)).sum(axis=0).astype(np.uint32) % 2 * 0xFFFFFF
    assert classify(framebuffer_of(pixels), np.array([0])).text.tolist() == [0]


def test_snapshot_outlives_the_next_grab() -> None:
    size = Size(640, 480)
    framebuffer = framebuffer_of(text(size))
    snapshot = taken(framebuffer, everything(framebuffer), NONE)
    framebuffer.front[:] = 0
    screen = PaintedScreen(size)
    screen.paint(snapshot.encode(80))
    assert (screen.shown == text(size)).all()


@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 79), min_size=1), st.booleans())
def test_any_set_of_blocks_lands_in_its_places(chosen: set[int], exact: bool) -> None:
    size = Size(640, 512)
    picture = photograph(size) if exact else text(size)
    framebuffer = framebuffer_of(picture)
    blocks = np.array(sorted(chosen))
    snapshot = taken(framebuffer, *((NONE, blocks) if exact else (blocks, NONE)))
    screen = PaintedScreen(size)
    screen.paint(snapshot.encode(80))
    for block in range(80):
        rect = framebuffer.grid.rect(block)
        where = np.s_[rect.y : rect.bottom, rect.x : rect.right]
        assert (screen.pixels[where] == (picture[where] if block in chosen else 0)).all()


def test_encodings_of_text_and_photograph_in_one_update() -> None:
    size = Size(640, 512)
    picture = text(size)
    picture[:256, :320] = photograph(Size(320, 256))
    framebuffer = framebuffer_of(picture)
    operations = taken(framebuffer, everything(framebuffer), NONE).encode(80)
    encodings = {o.encoding: o.blocks.size for o in operations if isinstance(o, Atlas)}
    assert encodings[Encoding.JPEG] == 20
    assert encodings[Encoding.PNG] >= 40


@pytest.mark.parametrize("patches", [(), (Rect(3, 5, 130, 70),)])
def test_bits_that_are_no_colour_make_no_difference(patches: tuple[Rect, ...]) -> None:
    size = SIZES[0]
    page = text(size)
    page[128:320, 64:256] = photograph(Size(192, 192))
    page[320:384, :256] = 0x336699
    clean, soiled = framebuffer_of(page), framebuffer_of(page)
    soiled.front[:] |= np.random.default_rng(1).integers(0, 256, soiled.front.shape, dtype=np.uint32) << np.uint32(24)
    blocks, digests = everything(clean), Digests()
    named = digests.of(clean, blocks)
    soiled.generations.mark(blocks)
    assert digests.of(soiled, blocks) == named
    contents = classify(clean, blocks), classify(soiled, blocks)
    for kind in ("flat", "text", "photo", "colours"):
        assert (getattr(contents[0], kind) == getattr(contents[1], kind)).all(), kind
    screens = PaintedScreen(size), PaintedScreen(size)
    for screen, framebuffer in zip(screens, (clean, soiled), strict=True):
        screen.paint(Snapshot.take(framebuffer, 1, Wanted(blocks, NONE, patches), named).encode(80))
    assert (screens[0].shown == screens[1].shown).all()
