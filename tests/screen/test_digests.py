import numpy as np

from tests.pictures import framebuffer_of, photograph
from voxy.blocks import Size
from voxy.screen.digests import Digests


def test_blocks_that_are_alike_have_the_same_digest() -> None:
    picture = photograph(Size(256, 128))
    picture[64:128, 128:192] = picture[:64, :64]
    picture[0, 64] ^= 1
    digests = Digests().of(framebuffer_of(picture), np.arange(8))
    assert digests[0] == digests[6]
    assert len(set(digests.values())) == 7


def test_a_changed_block_has_another_and_a_known_one_is_not_computed_again(monkeypatch) -> None:
    framebuffer, digests = framebuffer_of(photograph(Size(256, 128))), Digests()
    before = digests.of(framebuffer, np.arange(8))
    framebuffer.front[0, 0] ^= 1
    framebuffer.front[0, 64] ^= 1
    framebuffer.generations.mark(np.array([0]))
    after = digests.of(framebuffer, np.arange(8))
    assert [block for block in range(8) if before[block] != after[block]] == [0]
