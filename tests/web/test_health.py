"""What watches over VoXY learns how it is; strangers learn nothing."""

import re

import aiohttp
import pytest

from tests.stack import running, viewing
from voxy.session import wire


async def test_life_and_readiness_are_told_to_all_in_a_word() -> None:
    async with running(token="the-right-token") as stack, aiohttp.ClientSession() as session:
        for path in ("livez", "readyz"):
            async with session.get(f"{stack.url}/{path}") as response:
                assert (response.status, await response.text()) == (200, "ok\n")
        stack.desktop.state = wire.State("lost", "It is gone.")
        async with session.get(f"{stack.url}/readyz") as response:
            assert (response.status, await response.text()) == (503, "not ready\n")
        async with session.get(f"{stack.url}/livez") as response:
            assert response.status == 200


@pytest.mark.parametrize("header", ["", "Bearer wrong", "Bearer ", "Basic the-right-token", "the-right-token"])
@pytest.mark.parametrize("token", ["the-right-token", None])
async def test_metrics_need_the_token(header: str, token: str | None) -> None:
    async with (
        running(token=token) as stack,
        aiohttp.ClientSession() as session,
        session.get(f"{stack.url}/metrics", headers={"Authorization": header}) as response,
    ):
        assert response.status == 401


async def test_metrics_are_as_prometheus_reads_them() -> None:
    headers = {"Authorization": "Bearer the-right-token"}
    async with running() as stack, viewing(stack) as viewer, aiohttp.ClientSession() as session:
        await viewer.next_update()
        stack.gate.token = "the-right-token"
        async with session.get(f"{stack.url}/metrics", headers=headers) as response:
            assert response.content_type == "text/plain"
            lines = (await response.text()).splitlines()
    figures = {}
    for help_line, kind_line, line in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, value = line.split(" ")
        assert re.fullmatch(rf"# HELP {name} .+\.", help_line)
        assert re.fullmatch(rf"# TYPE {name} (gauge|counter)", kind_line)
        figures[name] = float(value)
    assert figures["voxy_viewers"] == figures["voxy_desktop_up"] == 1
    assert figures["voxy_desktop_pixels"] == 320 * 240
    assert figures["process_resident_memory_bytes"] > 1e6
