"""Whoever wants to use the API can read all of it, signed in or not, on any screen."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.async_api import Browser

from libs.common.web.errors import STATUS_BY_CODE
from libs.ops.openapi import TARGET
from tests.http_servers import serving
from tests.integration.gateway.platform import Platform

DOCUMENT = json.loads(TARGET.read_text())


class _Page(HTMLParser):
    """The ids and the links of a page, and the tags it uses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
            elif name in ("href", "src"):
                self.links.add(value)


async def test_the_document_is_served_as_it_is_committed(platform: Platform):
    answer = await (await platform.new_browser()).get("/api/openapi.json")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == TARGET.read_bytes()


async def test_the_page_shows_every_operation_shape_and_error(platform: Platform):
    answer = await (await platform.new_browser()).get("/api/docs")

    page = _Page(answer.text)
    for path, operations in DOCUMENT["paths"].items():
        for method in operations:
            assert f"<code>{path}</code>" in answer.text
            assert f"{method}{path.replace('/', '-')}" in page.ids
    assert {f"shape-{name}" for name in DOCUMENT["components"]["schemas"]} <= page.ids
    assert {f"error-{code}" for code in STATUS_BY_CODE} <= page.ids


async def test_the_page_leads_nowhere_wrong_and_takes_nothing_from_elsewhere(platform: Platform):
    answer = await (await platform.new_browser()).get("/api/docs")

    page = _Page(answer.text)
    assert {link for link in page.links if link.startswith("#")} <= {f"#{id}" for id in page.ids}
    assert {link for link in page.links if not link.startswith(("#", "/"))} == set()
    assert "script" not in page.tags


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_fits_the_screen_and_breaks_no_rule_of_the_browser(
    platform: Platform, browser: Browser, screenshots: Path, width: int, scheme: str
):
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    async with serving(platform.app) as url:
        await page.goto(f"{url}/api/docs")
        await page.screenshot(path=screenshots / f"docs-{width}-{scheme}.png")
        wide = await page.evaluate("document.documentElement.scrollWidth")
        colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await context.close()

    assert complaints == []
    assert wide <= width
    assert colour == {"light": "rgb(246, 247, 248)", "dark": "rgb(15, 20, 22)"}[scheme]
