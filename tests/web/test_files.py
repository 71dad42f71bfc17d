"""The page's files are served without what only people read in them, and otherwise as they are."""

import gzip
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.stack import Stack, running
from voxy.web.bundle import BUNDLE
from voxy.web.files import page_files, page_folder

ROOT = Path(__file__).parents[2]

_STUB = re.compile(rb"import\{fromBundle\}from\S+?;export const\{[^}]*\}=fromBundle\(\S+?\)$")


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with running() as stack:
        yield stack


def test_every_file_of_the_page_is_there_and_none_is_larger() -> None:
    folder = page_folder()
    there = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert set(page_files()) == {*there, BUNDLE}
    assert {name for name in there if len(page_files()[name].body) > there[name]} == set()
    assert len(page_files()[BUNDLE].body) < sum(
        there[name] for name in there if b"fromBundle(" in page_files()[name].body
    )


def test_no_comment_is_served() -> None:
    modules = {name: file.body for name, file in page_files().items() if name.endswith((".js", ".css"))}
    assert {name for name, body in modules.items() if b"/**" in body or b"\n  " in body} == set()


def test_what_is_served_does_what_the_files_do(tmp_path: Path) -> None:
    """The tests of the page's modules, on the modules as they are served: what makes them smaller may be wrong."""
    for name, file in page_files().items():
        path = tmp_path / "static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.body)
    shutil.copy(ROOT / "package.json", tmp_path)
    shutil.copytree(ROOT / "tests" / "data", tmp_path / "tests" / "data")
    # Those two are about how the files are written.
    leave = shutil.ignore_patterns("node_modules", "page.test.js", "text.test.js")
    shutil.copytree(ROOT / "tests" / "js", tmp_path / "tests" / "js", ignore=leave)
    files = sorted(str(path) for path in (tmp_path / "tests" / "js").glob("*.test.js"))
    done = subprocess.run(["node", "--test", *files], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout[-3000:]


def test_what_is_imported_at_once_is_bundled() -> None:
    """What isn't written as the bundle takes it would be left out of it, or break it."""
    bundled = {name for name, file in page_files().items() if _STUB.match(file.body)}
    for name in ("viewer", "screen", "input/keyboard", "decoder"):
        assert re.search(rf'[{{,]"?{name}"?:\(\)=>', page_files()[BUNDLE].body.decode())
        assert f"js/{name}.js" in bundled
    for path in page_folder().rglob("*.js"):
        text = path.read_text()
        name = path.relative_to(page_folder()).as_posix()
        if name in bundled:
            assert not re.findall(
                r"^(?:export (?:default|\{|\*|let)|import [^{]|import .*[^;\n]$)", text, re.MULTILINE
            ), name
    page = page_files()["index.html"].body.decode()
    preloaded = re.findall(r"rel=modulepreload href=(\S+?)>", page)
    assert preloaded[0] == BUNDLE
    assert len(preloaded) < 8


async def test_files_are_packed_for_browsers_that_unpack_them(stack: Stack) -> None:
    file = page_files()["js/bundle.js"]
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        tags = set()
        for accepted, coding in (("gzip, deflate, br", "gzip"), ("identity", None)):
            headers = {"Accept-Encoding": accepted}
            async with session.get(f"{stack.url}/js/bundle.js", headers=headers) as response:
                body = await response.read()
                assert (response.headers.get("Content-Encoding"), response.headers["Vary"]) == (
                    coding,
                    "Accept-Encoding",
                )
                assert (gzip.decompress(body) if coding else body) == file.body
                assert not coding or len(body) < len(file.body) / 2
                headers["If-None-Match"] = response.headers["ETag"]
                tags.add(response.headers["ETag"])
            async with session.get(f"{stack.url}/js/bundle.js", headers=headers) as response:
                assert (response.status, response.headers["Cache-Control"]) == (304, "max-age=5")
        assert len(tags) == 2, "what is kept of one is not the other"
        async with session.get(f"{stack.url}/icon-192.png") as response:
            assert "Content-Encoding" not in response.headers


async def test_what_a_browser_has_is_not_sent_again(stack: Stack) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{stack.url}/js/main.js") as response:
            assert (response.status, response.content_type) == (200, "text/javascript")
            assert response.headers["Cache-Control"] == "no-cache"
            headers = {"If-None-Match": response.headers["ETag"]}
        async with session.get(f"{stack.url}/js/main.js", headers=headers) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with session.get(f"{stack.url}/style.css", headers=headers) as response:
            assert response.status == 200
