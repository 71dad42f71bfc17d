"""The template for Open OnDemand: its scripts start a desktop that opens by its link, behind Apache as there."""

import asyncio
import contextlib
import os
import re
import signal
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.e2e.support import VOXY, eventually, open_page, paint, until_same
from tests.pictures import text
from tests.proxies import missing, proxying
from tests.xservers import XServer, xvfb
from voxy.blocks import Size

TEMPLATE = Path(__file__).parent.parent.parent / "docs" / "examples" / "ondemand"
SIZE = Size(640, 480)
FORM = {"context.proxy": "127.0.0.1", "context.portal": "portal.test", "context.resolution": "640x480"}
# What OnDemand's own script does around them.
_JOB = """
find_port() { python3 -c 'import socket; s = socket.create_server(("", 0)); print(s.getsockname()[1])'; }
create_passwd() { head -c 200 /dev/urandom | base64 | tr -dc a-zA-Z0-9 | head -c "$1"; }
host=localhost
. ./before.sh
echo "$port $password"
exec bash ./script.sh
"""


def rendered(path: str, values: dict[str, str]) -> str:
    """A file of the template, as Ruby would fill it."""
    return re.sub(r"<%= ([\w.]+) %>", lambda found: values[found[1]], (TEMPLATE / path).read_text())


@contextlib.asynccontextmanager
async def job(folder: Path, server: XServer) -> AsyncIterator[dict[str, str]]:
    for name in ("before.sh", "script.sh"):
        (folder / name).write_text(rendered(f"template/{name}.erb", FORM))
    environment = {**os.environ, "PATH": f"{Path(VOXY).parent}:{os.environ['PATH']}", "VOXY_DISPLAY": server.display}
    process = await asyncio.create_subprocess_exec("bash", "-c", _JOB, cwd=folder, env=environment, stdout=PIPE)
    try:
        assert process.stdout
        port, password = (await process.stdout.readline()).decode().split()
        await eventually(lambda: has_started(process), 15, "VoXY says its address")
        yield {"host": "localhost", "port": port, "password": password}
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0


async def has_started(process: Process) -> bool:
    assert process.stdout
    return (await process.stdout.readline()).startswith(b"http://")


async def test_desktop_of_a_job_opens_by_its_link(context: BrowserContext) -> None:
    if program := missing("apache2"):
        pytest.skip(f"there is no {program}")
    with xvfb(SIZE) as server, tempfile.TemporaryDirectory() as folder:
        async with job(Path(folder), server) as told:
            path = f"/node/localhost/{told['port']}"
            async with proxying("apache2", Path(folder), f"127.0.0.1:{told['port']}", path) as port:
                found = re.search('href="([^"]+)"', rendered("view.html.erb", told))
                assert found
                page = await open_page(context, f"http://127.0.0.1:{port}{found[1]}")
                await asyncio.to_thread(paint, server, text(SIZE))
                await until_same(page, server, within_s=5)
                assert "token" not in page.url
