"""X requests that python-xlib lacks: MIT-SHM, the regions of XFIXES, and what typing needs of XKB."""

# mypy: disable-error-code="misc"
# python-xlib, whose requests are made by subclassing, has no types.

import functools

from Xlib.ext import damage, xtest
from Xlib.protocol import request, rq

SHM, XFIXES, XKB = "MIT-SHM", "XFIXES", "XKEYBOARD"

CORE_KEYBOARD = 0x0100
XKB_NEW_KEYBOARD, XKB_MAP_NOTIFY, XKB_STATE_NOTIFY = 0, 1, 2
"""Kinds of XKB's events."""

ALL_PLANES = 0xFFFFFFFF


def _request(minor: int, *fields: object) -> rq.Struct:
    return rq.Struct(rq.Card8("opcode"), rq.Opcode(minor), rq.RequestLength(), *fields)


def _reply(*fields: object) -> rq.Struct:
    return rq.Struct(rq.ReplyCode(), rq.Card8("detail"), rq.Card16("sequence_number"), rq.ReplyLength(), *fields)


# MIT-SHM (X11/extensions/shmproto.h)


class ShmQueryVersion(rq.ReplyRequest):
    _request = _request(0)
    _reply = rq.Struct(
        rq.ReplyCode(),
        rq.Bool("shared_pixmaps"),
        rq.Card16("sequence_number"),
        rq.ReplyLength(),
        rq.Card16("major"),
        rq.Card16("minor"),
        rq.Pad(20),
    )


class ShmDetach(rq.Request):
    _request = _request(2, rq.Card32("segment"))


class ShmGetImage(rq.ReplyRequest):
    _request = _request(
        4,
        rq.Card32("drawable"),
        rq.Int16("x"),
        rq.Int16("y"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Card32("plane_mask"),
        rq.Card8("format"),
        rq.Pad(3),
        rq.Card32("segment"),
        rq.Card32("offset"),
    )
    _reply = _reply(rq.Card32("visual"), rq.Card32("length"), rq.Pad(16))


class ShmCreatePixmap(rq.Request):
    _request = _request(
        5,
        rq.Card32("pixmap"),
        rq.Card32("drawable"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Card8("depth"),
        rq.Pad(3),
        rq.Card32("segment"),
        rq.Card32("offset"),
    )


class ShmAttachFd(rq.Request):
    """Attach the file whose descriptor travels with the request; since MIT-SHM 1.2."""

    _request = _request(6, rq.Card32("segment"), rq.Bool("read_only"), rq.Pad(3))


class Damaged(rq.Event):
    """DamageNotify, but that all it says of what was drawn, which python-xlib reads slowly, is asked for later."""

    _code = None
    _fields = rq.Struct(rq.Card8("type"), rq.Card8("level"), rq.Card16("sequence_number"), rq.Pad(28))


# XFIXES 2 (X11/extensions/xfixesproto.h)


class CreateRegion(rq.Request):
    _request = _request(5, rq.Card32("region"))


class UnionRegion(rq.Request):
    _request = _request(13, rq.Card32("source1"), rq.Card32("source2"), rq.Card32("destination"))


class FetchRegion(rq.ReplyRequest):
    """The rects of a region, as bytes: four little-endian int16 or uint16 each. python-xlib's lists are slow."""

    _request = _request(19, rq.Card32("region"))
    _reply = _reply(
        rq.Int16("x"), rq.Int16("y"), rq.Card16("width"), rq.Card16("height"), rq.Pad(16), rq.Binary("rects")
    )


class SetGCClipRegion(rq.Request):
    """Have drawing with a graphics context change nothing outside of a region; region 0 lets it change everything."""

    _request = _request(20, rq.Card32("gc"), rq.Card32("region"), rq.Int16("x"), rq.Int16("y"))


class GetCursorImage(rq.ReplyRequest):
    """The cursor shown now; its pixels as bytes, premultiplied 0xAARRGGBB."""

    _request = _request(4)
    _reply = _reply(
        rq.Int16("x"),
        rq.Int16("y"),
        rq.Card16("width"),
        rq.Card16("height"),
        rq.Card16("hot_x"),
        rq.Card16("hot_y"),
        rq.Card32("serial"),
        rq.Pad(8),
        rq.Binary("pixels"),
    )


# XKB (X11/extensions/XKBproto.h)


class XkbEvent(rq.Event):
    """An event of XKB; only those of `kind` XKB_MAP_NOTIFY have the last two fields."""

    _code = None
    _fields = rq.Struct(
        rq.Card8("type"),
        rq.Card8("kind"),
        rq.Card16("sequence_number"),
        rq.Pad(12),
        rq.Card8("first_key"),
        rq.Card8("keys"),
        rq.Pad(14),
    )


class XkbUseExtension(rq.ReplyRequest):
    _request = _request(0, rq.Card16("major"), rq.Card16("minor"))
    _reply = _reply(rq.Card16("major"), rq.Card16("minor"), rq.Pad(20))


class XkbSelectEvents(rq.Request):
    """Select whole kinds of events, by the bits of `which` and `select_all`, and changes of the parts in `map` and
    of those of the state in `state`: `which` must have that kind, and `select_all` not.
    """

    _request = _request(
        1,
        rq.Card16("device"),
        rq.Card16("which"),
        rq.Card16("clear"),
        rq.Card16("select_all"),
        rq.Card16("affect_map"),
        rq.Card16("map"),
        rq.Card16("affect_state"),
        rq.Card16("state"),
    )


class XkbGetState(rq.ReplyRequest):
    _request = _request(4, rq.Card16("device"), rq.Pad(2))
    _reply = _reply(
        rq.Card8("mods"),
        rq.Card8("base_mods"),
        rq.Card8("latched_mods"),
        rq.Card8("locked_mods"),
        rq.Card8("group"),
        rq.Card8("locked_group"),
        rq.Pad(18),
    )


class XkbLatchLockState(rq.Request):
    _request = _request(
        5,
        rq.Card16("device"),
        rq.Card8("affect_mod_locks"),
        rq.Card8("mod_locks"),
        rq.Bool("lock_group"),
        rq.Card8("group_lock"),
        rq.Card8("affect_mod_latches"),
        rq.Card8("mod_latches"),
        rq.Pad(1),
        rq.Bool("latch_group"),
        rq.Int16("group_latch"),
    )


class XkbGetMap(rq.ReplyRequest):
    """The components of the keymap that `full` names: 1 key types, 2 keysyms, 4 modifiers. keymap.py reads the body."""

    _request = _request(
        8,
        rq.Card16("device"),
        rq.Card16("full"),
        rq.Pad(20),
    )
    _reply = _reply(
        rq.Pad(2),
        rq.Card8("min_keycode"),
        rq.Card8("max_keycode"),
        rq.Card16("present"),
        rq.Card8("first_type"),
        rq.Card8("types"),
        rq.Card8("total_types"),
        rq.Card8("first_key"),
        rq.Card16("total_keysyms"),
        rq.Card8("keys"),
        rq.Pad(10),
        rq.Card8("first_modmap"),
        rq.Card8("modmaps"),
        rq.Card8("total_modmaps"),
        rq.Pad(6),
        rq.Binary("body"),
    )


# What each picture and each key asks for, mostly in the same words

_REMEMBERED = 256
"""Wordings of a kind of request."""

for _kind in (
    request.GrabServer,
    request.UngrabServer,
    damage.DamageSubtract,
    UnionRegion,
    FetchRegion,
    SetGCClipRegion,
    request.CopyArea,
    xtest.FakeInput,
):
    # python-xlib goes through all fields each time; a picture takes seven requests, and a millisecond or two.
    _kind._request.to_binary = functools.lru_cache(_REMEMBERED)(_kind._request.to_binary)
