"""UpdatePlan: what a viewer's next update consists of, before anything is drawn or encoded."""

from dataclasses import dataclass

from voxy.blocks import Copy, Recall, Rect
from voxy.blocks.generations import Blocks
from voxy.session.quality import ANY


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What a viewer gets next: what `copies` and `patches` make, the `blocks` it lacks then, and the `exact` ones.

    Those are the blocks that rest; `recalls` are those of either that it has kept, and `fixes` rects that are exact as
    well: where what it has kept differs, and beside a film. `quality` is for what may go lossy; more pixels of text
    than `most_text` may too.

    Two plans of the same generations are the same update exactly if their keys are equal.
    """

    generation: int
    blocks: Blocks
    exact: Blocks
    quality: int
    most_text: int = ANY
    copies: tuple[Copy, ...] = ()
    patches: tuple[Rect, ...] = ()
    recalls: tuple[Recall, ...] = ()
    fixes: tuple[Rect, ...] = ()
    has_frame: bool = False
    """Whether a frame of the film that is running comes last."""

    @property
    def size(self) -> int:
        """Blocks in the update."""
        return self.blocks.size + self.exact.size

    @property
    def key(self) -> tuple[object, ...]:
        recalls = tuple((recall.number, recall.blocks.tobytes(), recall.places.tobytes()) for recall in self.recalls)
        blocks, exact = self.blocks.tobytes(), self.exact.tobytes()
        drawn = self.copies, self.patches, self.fixes, recalls
        return self.generation, blocks, exact, self.quality, self.most_text, *drawn, self.has_frame
