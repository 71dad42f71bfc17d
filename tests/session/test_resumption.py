import json

from voxy.session.resumption import KEPT_S, MOST_KEPT, Resumptions
from voxy.session.viewer import Viewer
from voxy.session.wire import PROTOCOL


def entered(resumptions: Resumptions, token: str) -> Viewer:
    viewer = Viewer(0.0, token)
    resumptions.enter(viewer)
    return viewer


def test_a_viewer_is_known_while_it_is_here_and_for_a_while_after() -> None:
    resumptions = Resumptions()
    here, gone, long_gone = (entered(resumptions, token) for token in ("a", "b", "c"))
    resumptions.leave(long_gone, 0.0)
    resumptions.leave(gone, 1.0)
    now = KEPT_S + 0.5
    assert [resumptions.take(token, "", now) for token in ("a", "b", "c", "d")] == [here, gone, None, None]
    assert len(resumptions) == 0


def test_a_token_serves_once() -> None:
    resumptions = Resumptions()
    viewer = entered(resumptions, "a")
    assert resumptions.take("a", "", 0.0) is viewer
    assert resumptions.take("a", "", 0.0) is None
    resumptions.leave(viewer, 1.0)
    assert len(resumptions) == 0


def test_not_more_are_remembered_than_so_many_and_those_who_are_here_always() -> None:
    resumptions = Resumptions()
    here = entered(resumptions, "here")
    for number in range(3 * MOST_KEPT):
        resumptions.leave(entered(resumptions, str(number)), 1.0)
    assert len(resumptions) == 1 + MOST_KEPT
    assert resumptions.take("here", "", 1.0) is here
    assert resumptions.take(str(2 * MOST_KEPT - 1), "", 1.0) is None
    assert resumptions.take(str(2 * MOST_KEPT), "", 1.0)


def test_those_gone_too_long_are_forgotten_when_another_goes() -> None:
    resumptions = Resumptions()
    resumptions.leave(entered(resumptions, "a"), 0.0)
    resumptions.leave(entered(resumptions, "b"), KEPT_S + 1)
    assert len(resumptions) == 1


def greeted(token: str, resume: dict | None = None, keeps: int = 100) -> Viewer:
    viewer = Viewer(0.0, token)
    viewer.receive(json.dumps({"type": "hello", "protocol": PROTOCOL, "keeps": keeps, "resume": resume}), 0.0)
    return viewer


def test_who_is_replaced_has_nothing_and_gets_nothing() -> None:
    former = greeted("a")
    assert former.has_room(0.0)
    assert greeted("b", {"token": "a", "seq": 0, "images": True}).go_on_from(former)
    assert former.is_replaced
    assert not former.has_room(0.0)
    assert not greeted("c").go_on_from(former), "it doesn't say where it goes on"


def test_images_are_only_believed_in_where_as_much_is_kept() -> None:
    for images, keeps, remains in ((True, 100, True), (False, 100, False), (True, 99, False)):
        former = greeted("a")
        former.sent(1, 10, former._mirror.holding.rough, ((7, 60),), 0.0)
        former.receive('{"type":"ack","seq":1}', 0.0)
        viewer = greeted("b", {"token": "a", "seq": 1, "images": images}, keeps)
        assert viewer.go_on_from(former)
        assert (7 in viewer._mirror.shelf) == remains
        assert viewer._mirror.shelf.limit == keeps


def test_what_somebody_else_had_is_not_gone_on_with() -> None:
    resumptions = Resumptions()
    entered(resumptions, "a")
    assert resumptions.take("a", "alice", 0.0) is None
    assert resumptions.take("a", "", 0.0) is None, "its token is used up"
