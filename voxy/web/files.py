"""The page's files as they are served: read once, without their comments and indentation, and kept in memory.

What a page elsewhere takes on by embedding a desktop stays small so, and the files stay as they are read best.
"""

import functools
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
    asked = request.if_none_match or ()
    is_known = any(tag.value in (file.etag, "*") for tag in asked)
    charset = "utf-8" if file.content_type.startswith("text/") else None
    response = (
        web.Response(status=304)
        if is_known
        else web.Response(body=file.body, content_type=file.content_type, charset=charset)
    )
    response.etag = ETag(file.etag)
    return response


def _read(path: Path) -> File:
    body = path.read_bytes()
    kind = _KINDS.get(path.suffix)
    if kind:
        body = _smaller(path, body.decode(), kind).encode()
    content_type = kind or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return File(body, content_type, hashlib.sha256(body).hexdigest()[:32])


def _smaller(path: Path, text: str, kind: str) -> str:
    try:
        return str(minify.string(kind, text))
    except minify.MinifyError as error:
        logger.warning("! %s is served as it is: %s", path.name, error)
        return text
