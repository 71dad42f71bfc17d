"""Signing in at a real OpenID provider (npm's oidc-provider) in a real browser."""

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.support import serving, until_connection
from tests.e2e.test_page import faults, picture

PROVIDER = Path(__file__).parent.parent / "data" / "provider.mjs"
SECRET = "a secret of the client's"
NODE_LEAST = 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def node_version() -> int:
    node = shutil.which("node")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout if node else "v0"
    return int(said.lstrip("v").partition(".")[0])


@contextlib.asynccontextmanager
async def provider(redirect_uri: str) -> AsyncIterator[str]:
    """A provider for one client; its issuer."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "node",
        str(PROVIDER),
        str(port),
        redirect_uri,
        SECRET,
        stdout=asyncio.subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        async with asyncio.timeout(20):
            while await process.stdout.readline() != b"ready\n":
                assert process.returncode is None, "the provider ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def sign_in_there(page: Page, name: str) -> None:
    """What somebody does on the provider's own pages: says who he is, and agrees."""
    await page.fill("[name=login]", name)
    await page.fill("[name=password]", "any")
    await page.click("button[type=submit]")
    await page.get_by_role("button", name="Continue").click()


@pytest.mark.skipif(
    node_version() < NODE_LEAST, reason=f"oidc-provider takes Node {NODE_LEAST}: only a lying one is used"
)
async def test_people_sign_in_at_a_real_provider(browser: Browser, tmp_path: Path) -> None:
    port, rules, secret = free_port(), tmp_path / "rules.toml", tmp_path / "secret"
    rules.write_text('[rules.groups.admins]\nallow = ["owner"]\n', encoding="utf-8")
    secret.write_text(SECRET, encoding="utf-8")
    page_url = f"http://127.0.0.1:{port}/desks/"
    async with provider(f"{page_url}signed-in") as issuer:
        options = ["--listen", f"127.0.0.1:{port}", "--base-path", "/desks", "--state-dir", str(tmp_path)]
        options += ["--public-url", page_url, "--oidc-issuer", issuer, "--oidc-client", "voxy"]
        options += ["--oidc-secret-file", str(secret), "--auth-role", "none", "--rules", str(rules)]
        async with serving(*options):
            for name, sees in (("root", True), ("mallory", False)):
                context = await browser.new_context(locale="en-US")
                page = await context.new_page()
                await page.goto(page_url)
                await until_connection(page, "signed-out")
                await expect(page.locator("#provider")).to_be_focused()
                await page.keyboard.press("Enter")
                await page.wait_for_url(re.compile("interaction"))
                await sign_in_there(page, name)
                await page.wait_for_url(page_url)
                if sees:
                    await until_connection(page, "live")
                    assert (await page.evaluate("fetch('session').then((answer) => answer.json())"))["name"] == name
                else:
                    await until_connection(page, "signed-out")
                    await expect(page.locator("#sign-in-error")).to_contain_text("You may not look at this desktop.")
                await context.close()
            for scheme, locale, size in (("light", "en-US", (1280, 800)), ("dark", "ja-JP", (390, 780))):
                await look_at_the_card(browser, page_url, scheme, locale, size)


async def look_at_the_card(browser: Browser, url: str, scheme: Any, locale: str, size: tuple[int, int]) -> None:
    viewport = {"width": size[0], "height": size[1]}
    context = await browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        color_scheme=scheme,
        locale=locale,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{url}#sign-in=unreachable")
    await until_connection(page, "signed-out")
    await expect(page.locator("#sign-in-error")).not_to_be_empty()
    assert page.url == url, "what went wrong would be said again"
    assert await faults(page) == []
    await picture(page, f"sign-in-provider-{locale}-{scheme}")
    await context.close()
