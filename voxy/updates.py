"""Updates: made of what viewers lack, once for all that need the same."""

import asyncio
import functools
import logging
import time
from dataclasses import dataclass

from voxy.blocks import Operation, Size
from voxy.blocks.generations import Blocks, joined
from voxy.blocks.likeness import Clues, Likenesses
from voxy.blocks.memory import Library, used_images
from voxy.pixel_threads import FEW_BLOCKS, SOME_BLOCKS, PixelThreads
from voxy.projector import Frame
from voxy.screen.digests import Digests, clues
from voxy.screen.framebuffer import Framebuffer, Pixels
from voxy.screen.snapshot import Packed, Snapshot, Wanted
from voxy.screen.streams import cut
from voxy.session.meter import Stages
from voxy.session.plan import UpdatePlan
from voxy.session.quality import LOSSLESS
from voxy.session.update import Update
from voxy.session.viewer import Viewer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MadeUpdate:
    """An update as it travels, for all viewers that need the same."""

    seq: int
    data: bytes
    rough: Blocks
    used: tuple[tuple[int, int], ...]
    """The images that viewers keep or draw from, each with its bytes, in order."""
    stages: Stages
    chunks: int = 0
    """How many chunks of a film who gets it has had then."""


class Updates:
    """Makes the updates of one framebuffer, which must not change while one is begun."""

    def __init__(self, threads: PixelThreads) -> None:
        self._threads = threads
        self._digests = Digests()
        self._library = Library()
        self._likenesses = Likenesses()
        self._seq = 0
        self._made: dict[object, asyncio.Future[MadeUpdate]] = {}

    def clear(self) -> None:
        """Forget what was made: something has changed since."""
        self._made.clear()

    async def make(
        self, viewer: Viewer, plan: UpdatePlan, frame: Frame | None, framebuffer: Framebuffer, stages: Stages
    ) -> asyncio.Future[MadeUpdate]:
        """Begin the update that `plan` and the frame of a film ask for, or give one that serves."""
        digests: dict[int, bytes] = {}
        if plan.size:
            named = joined(plan.blocks, plan.exact)
            digests = await self._threads.compute(plan.size, self._digests.of, framebuffer, named)
            plan = viewer.recall(plan, digests, self._library)
        if self._likenesses and plan.size:
            named = joined(plan.blocks, plan.exact)
            told = await self._threads.compute(plan.size, clues, framebuffer, named)
            bands = functools.partial(self._digests.of_bands, framebuffer)
            plan = viewer.recall_similar(plan, framebuffer.grid, told, bands, self._likenesses)
        key = plan.key, frame and frame.key
        made = self._made.get(key)
        if made is None or (made.done() and made.result().seq <= viewer.flow.last_seq):
            made = self._made[key] = await self._begin(plan, digests, frame, framebuffer, stages)
        return made

    async def _begin(
        self,
        plan: UpdatePlan,
        digests: dict[int, bytes],
        frame: Frame | None,
        framebuffer: Framebuffer,
        stages: Stages,
    ) -> asyncio.Future[MadeUpdate]:
        """Copy the pixels of an update now, and encode them while the next grab goes on."""
        self._seq += 1
        seq, compute = self._seq, self._threads.compute
        wanted = Wanted(plan.blocks, plan.exact, plan.patches, plan.fixes, plan.quality == LOSSLESS, plan.most_text)
        snapshot = await compute(plan.size, Snapshot.take, framebuffer, seq, wanted, digests)
        for image in snapshot.images:
            if isinstance(image, Packed) and image.number:
                self._library.add(image.number, [digests[block] for block in image.blocks.tolist()])
                if image.is_photograph:
                    liken = self._liken, framebuffer, image.blocks
                    self._likenesses.add(image.number, *await compute(image.blocks.size, *liken))
        blocks, projected = plan.size, None
        if frame:
            filmed = frame.blocks.size
            projected = frame, await compute(filmed, cut, framebuffer.front, frame.rect, few=SOME_BLOCKS)
            blocks += filmed
        encoding = seq, framebuffer.size, snapshot, plan, projected, stages
        if blocks > FEW_BLOCKS:
            return asyncio.create_task(compute(blocks, _encode, *encoding))
        made: asyncio.Future[MadeUpdate] = asyncio.get_running_loop().create_future()
        made.set_result(_encode(*encoding))
        return made

    def _liken(self, framebuffer: Framebuffer, blocks: Blocks) -> tuple[list[Clues], list[bytes]]:
        """What tells which blocks are like these."""
        told = clues(framebuffer, blocks)
        return [*told.values()], [self._digests.of_bands(framebuffer, block) for block in told]


def _encode(
    seq: int,
    size: Size,
    snapshot: Snapshot,
    plan: UpdatePlan,
    projected: tuple[Frame, Pixels] | None,
    stages: Stages,
) -> MadeUpdate:
    operations: tuple[Operation, ...] = (*plan.copies, *plan.recalls, *snapshot.encode(plan.quality))
    rough, chunks = snapshot.rough, 0
    if projected:
        frame, pixels = projected
        videos, chunks = frame.encode(pixels)
        operations += videos
        rough = joined(rough, frame.blocks)
    update = Update(seq, size, operations)
    logger.debug("> %s", update)
    data = update.serialize()
    stages.encoded_at = time.monotonic()
    return MadeUpdate(seq, data, rough, used_images(operations), stages, chunks)
