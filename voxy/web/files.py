"""The page's files as they are served: read once, without their comments and indentation, packed, and kept in memory.

What a page elsewhere takes on by embedding a desktop stays small so, and the files stay as they are read best.
"""

import functools
import gzip
import hashlib
import logging
import mimetypes
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import minify
from aiohttp import ETag, web

import voxy

logger = logging.getLogger(__name__)

_KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
"""What can be made smaller, by the end of its name."""


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
    return {path.relative_to(folder).as_posix(): _read(path) for path in folder.rglob("*") if path.is_file()}


async def serve_file(request: web.Request) -> web.Response:
    """Answer with the file that the path names; nothing else is in reach."""
    file = page_files().get(request.match_info.get("path", "index.html"))
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
    response.etag = ETag(etag)
    return response


def _read(path: Path) -> File:
    body = path.read_bytes()
    kind = _KINDS.get(path.suffix)
    if kind:
        body = _smaller(path, body.decode(), kind).encode()
    content_type = kind or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    gzipped = gzip.compress(body, mtime=0) if kind else b""
    return File(body, content_type, hashlib.sha256(body).hexdigest()[:32], gzipped if len(gzipped) < len(body) else b"")


def _smaller(path: Path, text: str, kind: str) -> str:
    try:
        return str(minify.string(kind, text))
    except minify.MinifyError as error:
        logger.warning("! %s is served as it is: %s", path.name, error)
        return text
