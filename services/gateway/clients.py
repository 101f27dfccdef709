"""What a session remembers of the browser it began in, so that its user can tell it from others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from starlette.requests import Request

from libs.common.security_events import address_block
from services.gateway.client_address import Network, client_address

UNKNOWN_DEVICE = "Unknown device"

# The first that is named counts: most browsers name those they descend from as well.
_BROWSERS = (
    ("Edge", r"\bEdgA?/|\bEdgiOS/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\bFirefox/|\bFxiOS/"),
    ("Chrome", r"\bChrome/|\bCriOS/|\bHeadlessChrome/"),
    ("Safari", r"\bSafari/"),
)
_SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("Windows", r"\bWindows\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Linux", r"\bLinux\b"),
)


@dataclass(frozen=True, slots=True)
class Client:
    """`network` is the block of the address, as security events name it."""

    device: str = UNKNOWN_DEVICE
    network: str = "unknown"

    @classmethod
    def of(cls, request: Request, trusted: Sequence[Network]) -> Self:
        address = client_address(request.scope, trusted)
        return cls(device_label(request.headers.get("User-Agent", "")), address_block(address))


UNKNOWN_CLIENT = Client()


def device_label(user_agent: str) -> str:
    """Like "Firefox on Windows". The header is the browser's own word and proves nothing."""
    browser = _first_named(_BROWSERS, user_agent)
    system = _first_named(_SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or UNKNOWN_DEVICE


def _first_named(patterns: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((name for name, pattern in patterns if re.search(pattern, text)), None)
