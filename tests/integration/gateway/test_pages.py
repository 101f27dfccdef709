"""The dashboard's files are served, nothing else is, and every answer carries the safe headers."""

import asyncio
from pathlib import Path

import pytest

from tests.http_servers import serving
from tests.integration.gateway.platform import Platform, code_of, running_gateway

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/", "/welcome", "/overview?from=2026-01-01", "/deep/down.page"])
async def test_every_page_is_the_dashboard_and_is_asked_for_anew(platform: Platform, path: str):
    browser = await platform.new_browser()

    for headers in (HTML, {"Accept": "*/*"}):
        answer = await browser.get(path, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "<title>Tillstream</title>" in answer.text


async def test_assets_never_change_and_come_packed_where_that_is_understood(platform: Platform):
    browser = await platform.new_browser()
    path = "/assets/index-3f2a.js"

    plain = await browser.get(path, headers={"Accept-Encoding": "identity"})
    packed = await browser.head(path, headers={"Accept-Encoding": "gzip, br"})

    assert plain.text == "export {}"
    assert plain.headers["Content-Type"].startswith("text/javascript")
    assert plain.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["Content-Encoding"] == "br"
    assert packed.headers["Content-Type"].startswith("text/javascript")
    assert packed.headers["Content-Length"] == "6"


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/gone.js", "/.secret", "/assets/../.secret", "/%2e%2e/outside.txt"),
        *("/..%2foutside.txt", "/assets/..%2f..%2foutside.txt", "/%2fetc/passwd", "/index%00.html"),
    ],
)
async def test_nothing_outside_of_the_dashboard_is_served(platform: Platform, path: str):
    browser = await platform.new_browser()

    answer = await browser.get(path, headers={"Accept": "image/avif,image/webp"})

    assert code_of(answer) == (404, "NOT_FOUND")
    assert "not to be served" not in (await browser.get(path, headers=HTML)).text


@pytest.mark.parametrize(
    "path",
    [
        *("/" + "a" * 300, "/" + "a" * 7000, "/" + "a/" * 3500, "/" + "a" * 300 + "/favicon.svg"),
        *("/%00", "/favicon.svg%00", "/%ff%fe", "/%c3%28", "/%ed%a0%80"),
        *("/%2e%2e%2f%2e%2e", "/..%5c", "/C:%5cwindows", "/con", "/%e2%80%ae"),
        *("/../../etc/passwd", "/x/assets%2findex-3f2a.js/..", "//etc/passwd", "/./favicon.svg"),
        *("/folder", "/folder/", "/folder/.", "/favicon.svg/", "/.git/config", "/link.txt"),
        *("/favicon.svg%20", "/favicon.svg."),
    ],
)
async def test_a_path_that_is_no_file_is_a_page_or_not_found_however_it_is_written(
    platform: Platform, dashboard: Path, path: str
):
    (dashboard / "folder").mkdir()
    (dashboard / "folder/inner.txt").write_text("inner")
    (dashboard / "link.txt").symlink_to(dashboard.parent / "outside.txt")
    async with (
        running_gateway(platform.database, platform.keys, dashboard, platform.upstreams) as gateway,
        serving(gateway.app) as url,
    ):
        status = await _raw_status(url, path, "application/json")
        page = await _raw_status(url, path, "text/html")
        asset = await _raw_status(url, f"/assets{path}", "text/html")
        inner = await _raw_status(url, "/folder/inner.txt", "application/json")

    assert (status, page, asset, inner) == (404, 200, 404, 200)


async def _raw_status(url: str, path: str, accept: str) -> int:
    """Sent as it is written: a client would put the path right first."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/auth/nothing"])
async def test_an_unknown_api_path_is_not_found_in_the_error_shape(
    platform: Platform, method: str, path: str
):
    browser = await platform.new_browser()

    answer = await browser.request(method, path, headers=HTML)

    assert code_of(answer) == (404, "NOT_FOUND")
    body = answer.json()
    assert set(body) == {"error", "requestId", "timestamp"}
    assert set(body["error"]) == {"code", "message", "details", "retryable"}
    assert body["requestId"] == answer.headers["X-Request-Id"]


async def test_internal_routes_are_not_reachable_from_outside(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")

    for path in ("/internal/tenants/x", "/internal/schedule", "/api/internal/tenants/x"):
        answer = await browser.get(path, headers={"Accept": "application/json"})
        assert code_of(answer) == (404, "NOT_FOUND")


async def test_every_answer_carries_the_safe_headers(https_platform: Platform):
    browser = await https_platform.new_owner(await https_platform.new_shop(), "ada")
    large = "x" * 70_000
    answers = [
        await browser.get("/", headers=HTML),
        await browser.get("/assets/index-3f2a.js"),
        await browser.get("/health/live"),
        await browser.get("/api/nothing"),
        await browser.get("/api/auth/session"),
        await browser.get("/api/analytics/summary"),
        await browser.get("/api/tenants/current"),
        await browser.get("/api/shopify/auth?shop=x"),
        await browser.post("/api/auth/login", json={}),
        await browser.post("/api/auth/login", content=large),
        await browser.post("/api/auth/logout", headers={"Origin": "null"}),
    ]

    for answer in answers:
        policy = dict(
            part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        hsts = answer.headers["Strict-Transport-Security"]
        assert hsts == "max-age=31536000; includeSubDomains"
        if answer.request.url.path.startswith("/api/"):
            assert answer.headers["Cache-Control"] == "no-store"
    assert [answer.status_code for answer in answers[-3:]] == [400, 413, 403]


async def test_a_failure_of_ours_tells_nothing_and_carries_the_headers_too(platform: Platform):
    browser = await platform.new_owner(await platform.new_shop(), "ada")
    await platform.execute("ALTER TABLE identity.sessions RENAME TO sessions_elsewhere")

    answer = await browser.get("/api/auth/session")

    assert code_of(answer) == (503, "DATABASE_CONNECTION_FAILED")
    assert "sessions" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_http_on_a_loopback_address_promises_no_https(platform: Platform):
    browser = await platform.new_browser()

    assert "Strict-Transport-Security" not in (await browser.get("/")).headers


async def test_a_dashboard_that_is_not_built_says_so_and_leaves_the_api_alone(
    platform: Platform, tmp_path: Path
):
    async with running_gateway(
        platform.database, platform.keys, tmp_path / "nowhere", platform.upstreams
    ) as unbuilt:
        browser = await unbuilt.new_browser()
        page = await browser.get("/welcome", headers=HTML)
        assert (page.status_code, "make setup" in page.text) == (503, True)
        assert code_of(await browser.get("/api/auth/session")) == (401, "AUTH_SESSION_EXPIRED")
        assert (await browser.get("/health/ready")).json()["status"] == "ready"
