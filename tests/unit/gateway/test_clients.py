"""A session's device is named so that its user knows it again, from what browsers really send."""

import pytest

from services.gateway.clients import UNKNOWN_DEVICE, device_label

_MOZILLA = "Mozilla/5.0"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        (f"{_MOZILLA} (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Windows"),  # noqa: E501
        (f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36", "Chrome on Windows"),
        (f"{_MOZILLA} (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/143.0.0.0", "Edge on Windows"),  # noqa: E501
        (f"{_MOZILLA} (X11; Linux x86_64) {_CHROME} Safari/537.36 OPR/120.0", "Opera on Linux"),
        (f"{_MOZILLA} (X11; CrOS x86_64 14541.0.0) {_CHROME} Safari/537.36", "Chrome on ChromeOS"),
        (f"{_MOZILLA} (Linux; Android 14; SM-S918B) AppleWebKit/537.36 SamsungBrowser/25.0 Chrome/121 Mobile Safari/537.36", "Samsung Internet on Android"),  # noqa: E501
        (f"{_MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15", "Safari on macOS"),  # noqa: E501
        (f"{_MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"),  # noqa: E501
        (f"{_MOZILLA} (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 CriOS/131.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),  # noqa: E501
        ("curl/8.5.0", UNKNOWN_DEVICE),
        ("", UNKNOWN_DEVICE),
        ("<script>alert(1)</script>" * 100, UNKNOWN_DEVICE),
    ],
)  # fmt: skip
def test_a_device_is_named_by_browser_and_system(user_agent: str, label: str):
    assert device_label(user_agent) == label
