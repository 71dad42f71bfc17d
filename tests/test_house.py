"""The house: each room imports only the rooms below it (the table of the README)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "voxy"

MAY_IMPORT = {
    "errors": set(),
    "values": set(),
    "config": {"errors", "values"},
    "blocks": set(),
    "screen": {"blocks"},
    "session": {"blocks", "errors"},
    "sources": {"blocks", "errors", "screen.framebuffer", "session.events", "session.keycodes", "session.clips"},
    "clipboard": {"errors", "session", "sources.base"},
    "projector": {"blocks", "screen", "session"},
    "control": {"session"},
    "pixel_threads": set(),
    "updates": {"blocks", "screen", "session", "projector", "pixel_threads"},
    "desktop": {
        "blocks",
        "errors",
        "screen",
        "session",
        "sources.base",
        "clipboard",
        "control",
        "projector",
        "pixel_threads",
        "updates",
    },
    "vm": {"blocks", "errors", "config", "values"},
    "web": {"", "access", "errors", "session", "desktop"},
    "jupyter": set(),
    "listeners": {"errors", "values"},
    "tls": {"errors"},
    "serve": {
        "access",
        "blocks",
        "clipboard",
        "config",
        "errors",
        "desktop",
        "listeners",
        "session",
        "sources",
        "tls",
        "values",
        "vm",
        "web",
    },
    "access": {"config", "errors", "session.permissions", "values"},
    "doctor": {"", "access", "config", "errors", "values"},
    "cli": {"", "access", "config", "values", "doctor", "errors", "serve", "vm.travel"},
}
"""For each room, the parts of voxy that it may import beside itself; "" is the package's version."""

NEVER = {
    "blocks": {"asyncio", "aiohttp", "time"},
    "screen": {"asyncio", "aiohttp", "time"},
    "session": {"asyncio", "aiohttp", "time", "numpy"},
    "sources": {"aiohttp"},
    "access": {"asyncio", "aiohttp"},
    "clipboard": {"aiohttp", "time"},
    "projector": {"asyncio", "aiohttp", "time"},
    "updates": {"aiohttp"},
    "pixel_threads": {"aiohttp", "numpy"},
    "desktop": {"aiohttp", "concurrent"},
    "config": {"asyncio", "aiohttp", "numpy"},
    "vm/spec": {"asyncio", "aiohttp", "time", "os", "pathlib"},
    "vm/engine": {"aiohttp"},
    "vm/qmp": {"aiohttp"},
    "vm/store": {"aiohttp"},
    "vm/layers": {"aiohttp"},
    "vm/arrival": {"aiohttp"},
    "vm/state": {"asyncio", "aiohttp"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_rooms_below(path: Path) -> None:
    room = room_of(path)
    allowed = {room, *MAY_IMPORT[room]}
    for name in imports(path):
        if name.split(".")[0] == "voxy":
            part = name.removeprefix("voxy").removeprefix(".")
            assert any(part == a or (a and part.startswith(f"{a}.")) for a in allowed), f"{room} imports {name}"
        never = NEVER.get(room, set()) | NEVER.get(str(path.relative_to(PACKAGE).with_suffix("")), set())
        assert name.split(".")[0] not in never, f"{room} imports {name}"


def test_only_x11_knows_python_xlib() -> None:
    for path in FILES:
        if any(name.split(".")[0] == "Xlib" for name in imports(path)):
            assert path.is_relative_to(PACKAGE / "sources" / "x11")


def test_no_source_knows_another() -> None:
    kinds = {"x11", "demo"}
    for path in (PACKAGE / "sources").rglob("*.py"):
        own = path.relative_to(PACKAGE / "sources").parts[0].removesuffix(".py")
        others = {f"voxy.sources.{kind}" for kind in kinds - {own}}
        if own != "base":
            assert not any(name.startswith(tuple(others)) for name in imports(path))
