"""Viewer: the server's side of one browser page. No socket, no thread, no clock."""

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from voxy.blocks import BLOCK, BlockGrid, Generations, Projection, Rect, Step
from voxy.blocks.generations import NO_BLOCKS, Blocks, common, joined, without
from voxy.blocks.likeness import Clues, Likenesses
from voxy.blocks.memory import Library, to_recalls
from voxy.errors import ProtocolError
from voxy.session import wire
from voxy.session.clipboard import ViewerClipboard
from voxy.session.events import InputEvent, Key, Motion, Pointer, Wheel
from voxy.session.flow import Flow
from voxy.session.keycodes import KEYCODES
from voxy.session.keysyms import keysym_of
from voxy.session.meter import Meter
from voxy.session.mirror import Mirror
from voxy.session.pace import Pace
from voxy.session.permissions import ANYBODY, INPUT, Permission, Person, allows
from voxy.session.plan import UpdatePlan
from voxy.session.quality import LOSSLESS

REST_S = 0.2
"""Seconds without a change after which a lossy block is replaced by an exact one."""

LEASE_S = 1.5
"""Seconds without a word after which held keys and buttons are let go."""

_EXACT_PHOTO_BYTES, _EXACT_TEXT_BYTES = 8192, 1024
"""What an exact block of a photograph takes, and one of text, roughly; it bounds how many go at once on a slow line."""

_STEP_SHARE = 0.9
"""A change in few words is worth it up to this share of the pixels of all blocks that changed."""


_KEYS_OF = {"\n": "Enter", "\t": "Tab"}
"""Characters that keys other than those of characters write."""


def _all_of(blocks: Blocks) -> list[bool]:
    return [True] * blocks.size


Request: TypeAlias = wire.AskControl | wire.TakeControl | wire.GiveControl | wire.LeaveControl

Received: TypeAlias = list[InputEvent | wire.Ack | wire.Pong | wire.Times | wire.Window | wire.View | Request]
"""What a viewer's message leads to: input for the source, answers to the viewer, and what says whom to follow."""


class Viewer:
    """Takes a viewer's messages and plans its updates."""

    def __init__(self, now: float, token: str = "", person: Person = ANYBODY) -> None:
        self.token = token
        """By which another connection of the same page may go on with what this one has."""
        self.is_replaced = False
        """Whether one did."""
        self.flow = Flow()
        self.meter = Meter()
        self.person = person
        """Who it is, and what that person may do while nobody holds control alone."""
        self.permissions = person.permissions
        """What may be done now."""
        self.number = 0
        """By which others name it."""
        self.pace = Pace(now)
        self.clipboard = ViewerClipboard()
        self.is_hidden = True
        self.has_greeted = False
        self.wants_times = False
        self.capabilities: frozenset[str] = frozenset()
        self.refused: set[str] = set()
        """Kinds of messages that it had no leave to send; emptied by who has noted them."""
        self._heard_at = self._planned_at = now
        self._is_new = True
        self._held: dict[str, Key] = {}
        self._pointer: Pointer | Motion = Pointer(0, 0, 0)
        self.resume: wire.Resume | None = None
        """Where it says that it goes on."""
        self.is_held_back = True
        """Whether there may be something to send when there is room."""
        self._mirror = Mirror()

    # What comes in

    def receive(self, data: str | bytes, now: float) -> Received:
        """Take one message; ProtocolError means that the viewer must be closed with its code."""
        message = wire.parse(data)
        self._heard_at = now
        if isinstance(message, wire.Hello) is self.has_greeted:
            raise ProtocolError("the first message must be a hello, and only the first")
        if not allows(self.permissions, message):
            self.refused.add(type(message).__name__)
            if isinstance(message, wire.Clip | wire.ClipChunk):
                self.clipboard.pass_over(message)
            return []
        match message:
            case Pointer() | Motion():
                self._pointer = message
                return [message]
            case wire.Key(key, code, down):
                return self._receive_key(key, code, down)
            case wire.Text(text):
                return _typed(text)
            case wire.Wheel(x, y, dx, dy):
                return [Wheel(x, y, dx, dy)]
            case wire.Ack():
                return self._receive_ack(message, now)
            case wire.Release():
                return [*self.release()]
            case wire.View(hidden):
                self.is_hidden = hidden
                return [message] if hidden else []
            case wire.Quality(level):
                self.flow.quality.level = level
            case wire.Window():
                return [] if self.is_hidden else [message]
            case wire.Statistics(on):
                self.wants_times = on
                return self._times() if on else []
            case wire.Ping(number):
                return [wire.Pong(number)]
            case wire.Clip() | wire.ClipChunk() | wire.ClipAck():
                return [*self.clipboard.receive(message)]
            case wire.AskControl() | wire.TakeControl() | wire.GiveControl() | wire.LeaveControl():
                return [message]
            case wire.Hello():
                self._greet(message)
        return []

    def _greet(self, hello: wire.Hello) -> None:
        if hello.protocol != wire.PROTOCOL:
            raise ProtocolError(
                f"protocol {hello.protocol} is not spoken here, only {wire.PROTOCOL}: reload the page",
                wire.CLOSE_OTHER_VERSION,
            )
        self.has_greeted = True
        self.capabilities = frozenset(hello.capabilities)
        self.is_hidden = hello.hidden
        self.resume = hello.resume
        self._mirror = Mirror(hello.keeps)
        if "clipboard" in self.capabilities:
            self.clipboard.greet()

    def go_on_from(self, former: "Viewer") -> bool:
        """Take over what `former`, who was the same page, has; False if that can't be told. `former` is left empty."""
        mirror, former._mirror, former.is_replaced = former._mirror, Mirror(), True
        if not self.resume or not mirror.cut(self.resume.seq):
            return False
        keeps = self._mirror.shelf.limit
        if not self.resume.images or keeps != mirror.shelf.limit:
            mirror.forget_images(keeps)
        self._mirror = mirror
        self.flow.last_seq = self.resume.seq
        return True

    def _receive_ack(self, ack: wire.Ack, now: float) -> Received:
        """Take an acknowledgement; where it only makes room, for which nothing waits, that is told by itself."""
        self.flow.acked(ack.seq, now)
        self._mirror.acked(ack.seq)
        if self.meter.acked(ack.seq, now) and self.wants_times:
            return self._times()
        return [] if self.is_held_back else [ack]

    def _receive_key(self, name: str, code: str, is_down: bool) -> Received:
        # The key that goes up is the one that went down at this place: Shift may have changed its name meanwhile.
        place = code or name
        if not is_down:
            held = self._held.pop(place, None)
            return [Key(held.keysym, held.code, False)] if held else []
        held = self._held.get(place)
        keysym = held.keysym if held else keysym_of(name, code)
        if not keysym and (name or code not in KEYCODES):
            return []
        self._held[place] = Key(keysym, code, True)
        return [self._held[place]]

    def release(self) -> list[InputEvent]:
        """Let go of all that this viewer holds."""
        events: list[InputEvent] = [Key(key.keysym, key.code, False) for key in reversed(self._held.values())]
        self._held.clear()
        if self._pointer.buttons:
            where = self._pointer
            self._pointer = Pointer(where.x, where.y, 0) if isinstance(where, Pointer) else Motion(0, 0, 0)
            events.append(self._pointer)
        return events

    def permit(self, permissions: Permission) -> list[InputEvent]:
        """Do no more than this from the next message on; what lets go of all that was held without right then."""
        gone, self.permissions = self.permissions & ~permissions, permissions
        events = self.release() if gone & INPUT else []
        return [*events, *self.clipboard.abandon()] if Permission.CLIPBOARD_IN in gone else events

    def lease_left(self, now: float) -> float | None:
        """Seconds until held keys and buttons have to be let go unless the viewer says something; None if none are."""
        if not self._held and not self._pointer.buttons:
            return None
        return max(0.0, self._heard_at + LEASE_S - now)

    def _times(self) -> Received:
        return [times] if (times := self.times()) else []

    # What goes out

    def welcomed(self, now: float) -> None:
        """Note that the welcome went out, whose acknowledgement tells the round trip before any picture is sent."""
        self.flow.sent(wire.WELCOME_SEQ, 1, now)

    def has_room(self, now: float) -> bool:
        """Whether an update could be sent, if there is anything new."""
        return self._is_looking and self.flow.room(now) > 0

    def room_at(self, now: float) -> float:
        """When an update could be sent, though none is acknowledged until then; infinity where only that makes room."""
        return self.flow.room_at(now) if self._is_looking else math.inf

    @property
    def _is_looking(self) -> bool:
        is_shown = self.has_greeted and not self.is_hidden and not self.is_replaced
        return is_shown and Permission.VIEW in self.permissions

    def take_update(
        self,
        generations: Generations,
        now: float,
        steps: Sequence[Step] = (),
        film: Projection | None = None,
        is_current: bool = True,
        photographs: Callable[[Blocks], list[bool]] = _all_of,
    ) -> UpdatePlan | None:
        """Plan the next update and note its blocks as held; None while there is no room or nothing to send.

        `steps` are how the last generations came one from the other, up to the current one; `film` is
        the one that is running, if this viewer can be sent frames of it. Unless the array `is_current`, blocks
        that rest wait: what has changed meanwhile goes first. `photographs` tells which blocks are some.
        """
        self.is_held_back = True
        if not self.has_room(now):
            return None
        holding = self._mirror.follow(generations)
        if holding.has_all(generations):
            self.is_held_back = False
            return None
        level, rough = holding.level, holding.rough
        but_film = holding.missing_but_film(generations) if film else NO_BLOCKS
        blocks = holding.take_all(generations)
        frame = film if but_film.size < blocks.size else None
        rested = holding.rested(generations, now - REST_S) if is_current else NO_BLOCKS
        exact = self._first_exact(rested, now, photographs, is_alone=not blocks.size) if rested.size else rested
        if film and (frame or self.flow.line.is_slow):
            exact = without(exact, film.blocks)
        if not blocks.size and not exact.size:
            return None
        quality = self.flow.quality.jpeg_for(blocks.size * BLOCK * BLOCK)
        lacking = but_film if frame else blocks
        step = _step_from(level, steps, frame, lacking)
        if step:
            holding.roughen(step.roughens(rough, blocks), now)
        given, copies, patches = (step.left, step.copies, step.patches) if step else (lacking, (), ())
        fixes: tuple[Rect, ...] = ()
        if frame:
            # What is beside a film and shares a block with it is drawn by itself, once and whenever it changes.
            beside = frame.edges if frame.is_first else common(given, frame.edges)
            given, fixes = without(given, beside), frame.beside(beside)
        if quality == LOSSLESS:
            given, exact = NO_BLOCKS, joined(given, exact)
        self._planned_at, self._is_new = now, blocks.size > 0
        holding.put(exact, generations)
        self._mirror.take(joined(blocks, exact))
        self.is_held_back = not holding.has_all(generations)
        most_text = self.flow.quality.most_text
        return UpdatePlan(
            generations.current, given, exact, quality, most_text, copies, patches, fixes=fixes, has_frame=bool(frame)
        )

    def _first_exact(
        self, rested: Blocks, now: float, photographs: Callable[[Blocks], list[bool]], is_alone: bool
    ) -> Blocks:
        """Of the blocks that rest, those that may go now: with something new all or none."""
        most_bytes = self.flow.spare(now)
        if rested.size * _EXACT_PHOTO_BYTES <= most_bytes:
            return rested
        if not is_alone or not most_bytes:
            return NO_BLOCKS
        some = rested[: most_bytes // _EXACT_TEXT_BYTES + 1]
        sizes = (_EXACT_PHOTO_BYTES if is_photo else _EXACT_TEXT_BYTES for is_photo in photographs(some))
        return some[: sum(total < most_bytes for total in itertools.accumulate(sizes)) + 1]

    def recall(self, plan: UpdatePlan, digests: Mapping[int, bytes], library: Library) -> UpdatePlan:
        """The same plan, with what the viewer keeps only named."""
        blocks, found = library.recall(plan.blocks, digests, self._mirror.shelf)
        exact, resting = library.recall(plan.exact, digests, self._mirror.shelf)
        for image, places in resting.items():
            found.setdefault(image, {}).update(places)
        return replace(plan, blocks=blocks, exact=exact, recalls=to_recalls(found)) if found else plan

    def recall_similar(
        self,
        plan: UpdatePlan,
        grid: BlockGrid,
        clues: Mapping[int, Clues],
        bands: Callable[[int], bytes],
        likenesses: Likenesses,
    ) -> UpdatePlan:
        """The same plan, with the blocks that are like one that the viewer keeps named, and fixed where they differ.

        `clues` are those of the plan's blocks, and `bands` has the digests of the bands of each.
        """
        shelf = self._mirror.shelf
        blocks, found, fixes = likenesses.recall(plan.blocks, clues, bands, shelf, grid)
        exact, resting, others = likenesses.recall(plan.exact, clues, bands, shelf, grid)
        recalls = plan.recalls + to_recalls(found) + to_recalls(resting)
        return replace(plan, blocks=blocks, exact=exact, fixes=plan.fixes + fixes + others, recalls=recalls)

    def sent(self, seq: int, size: int, rough: Blocks, used: Sequence[tuple[int, int]], now: float) -> None:
        """Note that update `seq` of `size` bytes went out, with the blocks `rough` in it lossy, and `used` images."""
        self.flow.sent(seq, size, now, now - self._planned_at, self._is_new)
        self._mirror.sent(seq, rough, used, now)
        self.is_held_back |= rough.size > 0

    def times(self) -> wire.Times | None:
        """Where the time of the update that was painted last went; None before the first."""
        shown = self.meter.last
        if shown is None:
            return None
        stages = shown.sent.stages
        return wire.Times(
            shown.sent.seq,
            grab_ms=_to_ms(stages.grab_s),
            diff_ms=_to_ms(stages.diff_s),
            encode_ms=_to_ms(shown.encode_s),
            send_ms=_to_ms(shown.send_s),
            ack_ms=_to_ms(shown.ack_s),
            exact=self.exact_share,
        )

    @property
    def exact_share(self) -> float:
        """The share of the blocks shown that didn't come lossy."""
        return round(self._mirror.holding.exact_share, 4)

    def rest_at(self) -> float:
        """When an exact block may go at the earliest; infinity if none is owed."""
        return max(self._mirror.holding.rough_since + REST_S, self.flow.spare_at())


def _typed(text: str) -> Received:
    """The keys that write `text`."""
    keysyms = (keysym_of(_KEYS_OF.get(character, character), "") for character in text)
    return [Key(keysym, "", is_down) for keysym in keysyms if keysym for is_down in (True, False)]


def _to_ms(seconds: float) -> float:
    return round(max(0.0, seconds) * 1000, 2)


def _step_from(level: int, steps: Sequence[Step], frame: Projection | None, lacking: Blocks) -> Step | None:
    """The steps from generation `level` to the current one as one, what a `frame` brings left out; None where one of
    them is missing, or the blocks that are `lacking` are hardly more.
    """
    taken = [step.under_film() if frame else step for step in steps if step.base >= level]
    if not taken or taken[0].base != level:
        return None
    step = functools.reduce(Step.then, taken)
    step = step.under(frame) if frame else step
    return step if step.pixels <= _STEP_SHARE * lacking.size * BLOCK * BLOCK else None
