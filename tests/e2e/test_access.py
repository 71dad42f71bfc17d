"""Signing in by name and by invitation in a real browser, in English and Japanese."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.support import Served, open_page, serving, until_connection
from tests.e2e.test_page import faults, picture
from tests.xservers import xvfb
from voxy.access.passwords import Passwords
from voxy.access.store import Store
from voxy.blocks import Size

PASSWORD = "correct horse"


async def sign_in(page: Page, name: str, password: str) -> None:
    await page.fill("#user", name)
    await page.fill("#password", password)
    await page.keyboard.press("Enter")


async def test_people_come_by_name_and_by_invitation(browser: Browser, tmp_path: Path) -> None:
    with xvfb(Size(640, 480)) as server, Store(tmp_path / "access.sqlite") as store:
        store.add_user("alice", Passwords().hash(PASSWORD), "controller")
        async with serving("--display", server.display, "--state-dir", str(tmp_path)) as served:
            url = served.url.partition("#")[0]
            context = await browser.new_context(locale="en-US")
            page = await context.new_page()
            await page.goto(url)
            await until_connection(page, "signed-out")
            await expect(page.locator("#user")).to_be_focused()
            await sign_in(page, "alice", "wrong horse")
            await expect(page.locator("#sign-in-error")).to_have_text("The name or the password isn’t right.")
            await sign_in(page, "alice", PASSWORD)
            await until_connection(page, "live")
            await expect(page.locator("#sign-in")).to_be_hidden()

            await page.keyboard.press("Control+Alt+Shift+M")
            await page.locator("[data-opens=people]").click()
            await expect(page.locator("#signed-in-as")).to_have_text("You are signed in as alice.")
            await page.locator("#sign-out").click()
            await until_connection(page, "signed-out")
            assert await page.evaluate("getComputedStyle(document.getElementById('screen')).visibility") == "hidden"
            await expect(page.locator("#by-name")).to_be_visible()

            await invited(browser, served, store)
            await context.close()


async def invited(browser: Browser, served: Served, store: Store) -> None:
    number, secret = store.invite("viewer", time.time() + 60, note="Ben")
    context = await browser.new_context(locale="en-US")
    link = f"{served.url.partition('#')[0]}#invite={secret}"
    page = await open_page(context, link)
    assert secret not in page.url
    may = await page.evaluate("fetch('session').then((answer) => answer.json())")
    assert may["may"] == ["view"]
    store.revoke(number)
    await until_connection(page, "signed-out")
    other = await context.new_page()
    await other.goto(link)
    await until_connection(other, "signed-out")
    await expect(other.locator("#sign-in-error")).to_have_text("This invitation has ended. Ask for another.")
    await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("locale", "size"), [("en-US", (1280, 720)), ("ja-JP", (390, 780))], ids=["en", "ja phone"])
async def test_the_card_is_for_everybody(
    browser: Browser, tmp_path: Path, locale: str, size: tuple[int, int], scheme: str
) -> None:
    with xvfb(Size(640, 480)) as server, Store(tmp_path / "access.sqlite") as store:
        store.add_user("alice", "no password", "owner")
        async with serving("--display", server.display, "--state-dir", str(tmp_path)) as served:
            context = await browser.new_context(
                locale=locale, color_scheme=scheme, bypass_csp=True, viewport={"width": size[0], "height": size[1]}
            )
            page = await context.new_page()
            await page.goto(served.url.partition("#")[0])
            await until_connection(page, "signed-out")
            await page.wait_for_timeout(400)
            await picture(page, f"sign-in-{locale}-{scheme}")
            assert await faults(page) == []
            await page.locator("#other-way").click()
            await expect(page.locator("#token")).to_be_focused()
            assert await faults(page) == []
            await context.close()


async def test_two_people_ask_for_control_and_give_it(context: BrowserContext) -> None:
    with xvfb(Size(640, 480)) as server:
        async with serving("--display", server.display, "--auth", "none") as served:
            first, second = [await open_page(context, served.url) for _ in range(2)]
            for page in (first, second):
                await page.bring_to_front()
                await page.keyboard.press("Control+Alt+Shift+M")
                await page.click("[data-opens=people]")
            await first.click("#ask-control")
            await expect(second.locator("#people-list [data-holds] span")).to_have_text("Guest 1")
            await expect(second.locator("[data-opens=keys]")).to_have_attribute("hidden", "")
            await second.click("#ask-control")
            await expect(first.locator("#people-list li").nth(1)).to_contain_text("asks for control")
            await picture(first, "people-control")
            assert await faults(first) == []
            await first.keyboard.press("Control+Alt+Shift+M")
            await expect(first.locator("#give-control")).to_be_focused()
            await first.keyboard.press("Escape")
            await first.click("#people-list button")
            await expect(second.locator("#people-list [data-holds] span")).to_have_text("Guest 2 (you)")
            await expect(second.locator("[data-opens=keys]")).not_to_have_attribute("hidden", "")
            await first.close()
            await second.click("#leave-control")
            await expect(second.locator("#control-said")).to_contain_text("Nobody holds control")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
async def test_the_holder_of_control_is_told_who_asks(browser: Browser, locale: str, scheme: str) -> None:
    context = await browser.new_context(locale=locale, color_scheme=scheme, bypass_csp=True)
    with xvfb(Size(640, 480)) as server:
        async with serving("--display", server.display, "--auth", "none") as served, context:
            first, second = [await open_page(context, served.url) for _ in range(2)]
            for page in (second, first):
                await page.bring_to_front()
                await page.keyboard.press("Control+Alt+Shift+M")
                await page.click("[data-opens=people]")
                await page.keyboard.press("Escape")
            asked, said = first.locator("#asked"), first.locator("#asked-said")
            await first.evaluate("document.getElementById('ask-control').click()")
            await expect(first.locator("#people-list [data-holds]")).to_have_count(1)
            await expect(asked).to_be_hidden()

            await second.evaluate("document.getElementById('ask-control').click()")
            name = {"en-US": "Guest 2 asks for control.", "ja-JP": "ゲスト2さんが操作を希望しています。"}[locale]
            await expect(said).to_have_text(name)
            await expect(second.locator("#asked")).to_be_hidden()
            # The work goes on: the keyboard stays where it is until it is called.
            await first.keyboard.press("Escape")
            await first.evaluate("document.getElementById('field').focus()")
            await picture(first, f"asked-{scheme}-{locale}")
            assert await faults(first) == []
            await first.keyboard.press("Control+Alt+Shift+M")
            await expect(first.locator("#give-control")).to_be_focused()
            await first.keyboard.press("Tab")
            await first.keyboard.press("Enter")
            await expect(asked).to_be_hidden()
            await expect(first.locator("#field")).to_be_focused()

            # Who asks again is told of again.
            await second.evaluate("document.getElementById('leave-control').click()")
            await expect(second.locator("#ask-control")).not_to_have_attribute("hidden", "")
            await second.evaluate("document.getElementById('ask-control').click()")
            await expect(said).to_have_text(name)
            await first.keyboard.press("Control+Alt+Shift+M")
            await first.keyboard.press("Enter")
            await expect(second.locator("#people-list [data-holds]")).to_have_count(1)
            await expect(asked).to_be_hidden()
            assert await second.evaluate("document.getElementById('leave-control').hidden") is False
