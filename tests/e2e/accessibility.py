"""A page as axe sees it, in both themes and at both widths; each is kept as a picture."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

_DASHBOARD = Path(__file__).parents[2] / "services/gateway/dashboard"
_AXE = _DASHBOARD / "node_modules/axe-core/axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_NEXT_FRAME = "new Promise((go) => requestAnimationFrame(() => setTimeout(go, 60)))"
_SIZES = ((1440, 900), (390, 844))


async def expect_accessible(page: Page, name: str, pictures: Path) -> None:
    """No violation and no sideways scroll anywhere; the page is left light and wide."""
    await page.evaluate(_AXE.read_text())
    for theme in ("light", "dark"):
        for width, height in _SIZES:
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            await page.set_viewport_size({"width": width, "height": height})
            # The charts are drawn anew at the new width.
            await page.evaluate(_NEXT_FRAME)
            await page.screenshot(path=pictures / f"{name}-{theme}-{width}.png", full_page=True)
            assert await _violations(page) == [], (name, theme, width)
            shown = await page.evaluate("document.documentElement.scrollWidth")
            assert shown <= width, (name, theme, width, "scrolls sideways")
    await page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    await page.set_viewport_size({"width": 1440, "height": 900})


async def _violations(page: Page) -> list[Any]:
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", _RULES)
    assert found["passes"], "axe found nothing to check"
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
