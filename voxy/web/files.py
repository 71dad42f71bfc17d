"""The page's files as they are served: read once, without their comments and indentation, packed, and kept in memory.

What a page elsewhere takes on by embedding a desktop stays small so, and the files stay as they are read best.
"""

import functools
import gzip
import hashlib
import logging
import mimetypes
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import minify
from aiohttp import ETag, web

import voxy
from voxy.web.bundle import BROUGHT, BUNDLE, bundle, needed, preload

logger = logging.getLogger(__name__)

_KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""What can be made smaller, by the end of its name."""

_OPENING_S = 5
"""Seconds in which a page takes the bundle again, for its thread: to ask whether it is the same is a round trip."""


class File(NamedTuple):
    """One of the page's files."""

    body: bytes
    content_type: str
    etag: str
    gzipped: bytes
    """The same for browsers that unpack it; empty where that is no smaller."""


def page_folder() -> Path:
    """Where the page's files are: inside the installed package, or beside it in a checkout."""
    package = Path(voxy.__file__).parent
    installed = package / "static"
    return installed if installed.is_dir() else package.parent / "static"


@functools.cache
def page_files() -> Mapping[str, File]:
    """All files of the page, by their path in its folder."""
    folder = page_folder()
    bodies = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    modules = {name: body.decode() for name, body in bodies.items() if name.startswith("js/")}
    together = needed(modules)
    brought = {name: _smaller(name, bodies[name].decode(), _kind(name)) for name in BROUGHT}
    bodies |= {name: text.encode() for name, text in bundle(modules, together, brought).items()}
    bodies["index.html"] = preload(bodies["index.html"].decode(), together).encode()
    return {name: _file(name, body) for name, body in bodies.items()}


async def serve_file(request: web.Request) -> web.Response:
    """Answer with the file that the path names; nothing else is in reach."""
    path = request.match_info.get("path", "index.html")
    file = page_files().get(path)
    if file is None:
        raise web.HTTPNotFound
    is_gzipped = bool(file.gzipped) and "gzip" in request.headers.get("Accept-Encoding", "")
    etag = f"{file.etag}-gzip" if is_gzipped else file.etag
    if any(tag.value in (etag, "*") for tag in request.if_none_match or ()):
        response = web.Response(status=304)
    else:
        charset = "utf-8" if file.content_type.startswith("text/") else None
        body = file.gzipped if is_gzipped else file.body
        response = web.Response(body=body, content_type=file.content_type, charset=charset)
        if is_gzipped:
            response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    if path == BUNDLE:
        response.headers["Cache-Control"] = f"max-age={_OPENING_S}"
    response.etag = ETag(etag)
    return response


def _file(name: str, body: bytes) -> File:
    kind = _kind(name)
    if kind:
        body = _smaller(name, body.decode(), kind).encode()
    content_type = kind or mimetypes.guess_type(name)[0] or "application/octet-stream"
    gzipped = gzip.compress(body, mtime=0) if kind else b""
    return File(body, content_type, hashlib.sha256(body).hexdigest()[:32], gzipped if len(gzipped) < len(body) else b"")


def _kind(name: str) -> str:
    return _KINDS.get(PurePosixPath(name).suffix, "")


def _smaller(name: str, text: str, kind: str) -> str:
    try:
        return str(minify.string(kind, text))
    except minify.MinifyError as error:
        logger.warning("! %s is served as it is: %s", name, error)
        return text
