import json

import pytest

from voxy.session import wire
from voxy.session.events import Resize
from voxy.session.lead import MOST_PIXELS, Lead, resize_to
from voxy.session.permissions import CONTROLLER, VIEWER, Permission, Person
from voxy.session.viewer import Viewer


def viewer(permissions: Permission = CONTROLLER, **hello: object) -> Viewer:
    made = Viewer(0.0, person=Person("", permissions))
    made.receive(json.dumps({"type": "hello", "protocol": wire.PROTOCOL, "capabilities": ["size"], **hello}), 0.0)
    return made


def window(width: int, height: int = 600, **more: bool) -> wire.Window:
    return wire.Window(width, height, 1.0, **more)


def test_the_first_viewer_leads_until_it_leaves() -> None:
    lead, first, second, third = Lead("follow"), viewer(), viewer(), viewer()
    assert lead.follow(first, window(800)) == Resize(800, 600, 1.0)
    assert lead.follow(second, window(1000)) is None
    assert lead.follow(third, window(1200)) is None
    assert lead.follow(first, window(900)) == Resize(900, 600, 1.0)
    assert lead.follow(first, window(900)) is None
    assert lead.follow(first, None) == Resize(1000, 600, 1.0)
    assert lead.follow(second, window(1000, follow=False)) == Resize(1200, 600, 1.0)
    assert lead.follow(second, None) is None


def test_who_comes_back_comes_last() -> None:
    lead, first, second = Lead("follow"), viewer(), viewer()
    lead.follow(first, window(800))
    lead.follow(second, window(1000))
    lead.follow(first, None)
    assert lead.follow(first, window(800)) is None
    assert lead.follow(second, None) == Resize(800, 600, 1.0)


def test_a_viewer_takes_the_lead() -> None:
    lead, first, second = Lead("fit"), viewer(), viewer()
    lead.follow(first, window(800))
    assert lead.follow(second, window(1000, lead=True)) == Resize(1000, 600, 1.0)
    assert lead.follow(first, window(810)) is None
    assert lead.follow(second, window(1010)) == Resize(1010, 600, 1.0)
    assert lead.follow(first, window(820, lead=True)) == Resize(820, 600, 1.0)


def test_the_size_stays_when_nobody_leads_any_more() -> None:
    lead, first = Lead("follow"), viewer()
    lead.follow(first, window(800))
    assert lead.follow(first, None) is None
    assert lead.wish == Resize(800, 600, 1.0)


def test_a_page_that_comes_back_by_another_connection_keeps_its_place() -> None:
    lead, former, other, again = Lead("follow"), viewer(), viewer(), viewer()
    lead.follow(former, window(800))
    lead.follow(other, window(1000))
    lead.succeed(former, again)
    assert lead.follow(former, None) is None
    assert lead.follow(again, window(850)) == Resize(850, 600, 1.0)


def test_a_desktop_that_could_not_follow_for_a_while_takes_the_same_size_again() -> None:
    lead, first = Lead("follow"), viewer()
    lead.follow(first, window(800))
    lead.fix("It has two monitors.")
    assert lead.wish is None
    lead.fix("")
    assert lead.follow(first, window(800)) == Resize(800, 600, 1.0)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (wire.Window(1, 1, 1.0), Resize(320, 200, 1.0)),
        (wire.Window(2000, 10, 0.01), Resize(2000, 200, 0.5)),
        (wire.Window(1366, 768, 64.0), Resize(1366, 768, 4.0)),
        (wire.Window(7680, 4320, 2.0), Resize(7680, 4320, 2.0)),
    ],
)
def test_sizes_are_within_reason(asked: wire.Window, given: Resize) -> None:
    assert resize_to(asked) == given


def test_the_largest_window_keeps_its_shape_and_takes_no_more_memory_than_any_screen() -> None:
    given = resize_to(wire.Window(16384, 8192, 1.0))
    assert given.width * given.height <= MOST_PIXELS
    assert given.width / given.height == pytest.approx(2, rel=0.001)


def test_viewers_are_told_whether_the_desktop_can_follow_them() -> None:
    lead = Lead("follow")
    lead.fix("It has two monitors.")
    assert lead.news_for(viewer()) == [wire.Sizing("fit", False, "It has two monitors.")]
    lead.fix("")
    lead.monitors = wire.Monitors([])
    assert lead.news_for(viewer()) == [wire.Sizing("follow", True, ""), wire.Monitors([])]
    (sizing, _) = lead.news_for(viewer(VIEWER))
    assert isinstance(sizing, wire.Sizing)
    assert (sizing.mode, sizing.can_follow) == ("fit", False)
    assert lead.news_for(viewer(capabilities=[])) == []
    lead.mode = "actual"
    assert lead.news_for(viewer(VIEWER))[0] == wire.Sizing("actual", False, sizing.reason)


def test_a_window_that_is_hidden_or_may_not_be_followed_is_not() -> None:
    text = wire.Window(800, 600, 1.0).serialize()
    assert viewer().receive(text, 0.0) == [wire.Window(800, 600, 1.0)]
    assert viewer(VIEWER).receive(text, 0.0) == []
    hidden = viewer(hidden=True)
    assert hidden.receive(text, 0.0) == []
    assert hidden.receive(wire.View(False).serialize(), 0.0) == []
    assert hidden.receive(text, 0.0) == [wire.Window(800, 600, 1.0)]
    assert hidden.receive(wire.View(True).serialize(), 0.0) == [wire.View(True)]
