"""`python -m libs.simulator`: serves until SIGTERM; prints one line of JSON when it is ready."""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import uvicorn

from libs.common.errors import PlatformError
from libs.common.settings import trimmed
from libs.simulator.app import create_app
from libs.simulator.generator import MOST_LINES
from libs.simulator.journal import Journal
from libs.simulator.model import GeneratedShop
from libs.simulator.schema import admin_schema
from libs.simulator.settings import App, FileShop, Settings
from libs.simulator.tls import CA_FILE_NAME, server_context
from libs.simulator.world import load_shops

EXIT_BAD_INPUT = 2
DEFAULT_SIZE = 2_000
LARGEST_SIZE = 10_000_000
_SOME_SEED = 1
_GRACE_SECONDS = 3
_DOMAIN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]*\.myshopify\.com")


class _Server(uvicorn.Server):
    """Says when it is ready, and leaves signals to `_serve`: SIGTERM ends in exit status 0."""

    ready: Mapping[str, Any] = {}

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            ready = {"port": sockets[0].getsockname()[1], **self.ready}
            print(json.dumps(ready), flush=True)


def _file_shop(text: str) -> FileShop:
    """`DOMAIN=FILE[,currency=GBP][,zone=Europe/London]`"""
    domain, separator, rest = text.partition("=")
    if not separator or not _DOMAIN.fullmatch(domain):
        raise argparse.ArgumentTypeError(
            f"{text!r} must be NAME.myshopify.com=FILE[,currency=GBP][,zone=Europe/London]"
        )
    file, *options = re.split(r",(?=currency=|zone=)", rest)
    chosen = dict(option.split("=", 1) for option in options)
    currency, zone = chosen.get("currency", "USD"), chosen.get("zone", "UTC")
    if currency not in _currencies():
        raise argparse.ArgumentTypeError(f"{currency!r} is not a currency code such as GBP")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(
            f"{zone!r} is not an IANA time zone such as Europe/London"
        ) from None
    return FileShop(domain.lower(), Path(file), currency, zone)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https address")
    return text


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LARGEST_SIZE):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of orders from 1 to {LARGEST_SIZE}"
        )
    return int(text)


def _currencies() -> frozenset[str]:
    return frozenset(getattr(admin_schema().type_map["CurrencyCode"], "values", {}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m libs.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--cdnow", type=Path, help="CDNOW_master.txt")
    parser.add_argument("--shop", type=_file_shop, action="append", default=[])
    parser.add_argument(
        "--generated",
        type=int,
        nargs="?",
        const=_SOME_SEED,
        metavar="SEED",
        help="serve bluebird-supply.myshopify.com, made up from this number",
    )
    parser.add_argument("--size", type=_size, help=f"its orders; {DEFAULT_SIZE} unless given")
    parser.add_argument(
        "--lines",
        type=int,
        choices=range(1, MOST_LINES + 1),
        help="how many each of its orders has; 1.75 on the average unless given",
    )
    parser.add_argument("--api-key", default=trimmed(os.environ).get("SHOPIFY_API_KEY"))
    parser.add_argument("--api-secret", default=trimmed(os.environ).get("SHOPIFY_API_SECRET"))
    parser.add_argument("--redirect-uri", action="append", default=[])
    parser.add_argument("--app-url", type=_address, help="where the admin opens the app, signed")
    parser.add_argument(
        "--compliance-uri",
        type=_address,
        metavar="URL",
        help="where customers/data_request, customers/redact and shop/redact go",
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="of the pauses between retries and from an uninstall to shop/redact",
    )
    parser.add_argument("--tls", action="store_true", help="serve https; its CA is DIR/ca.pem")
    return parser


def settings_from_arguments(arguments: list[str]) -> Settings:
    parser = _parser()
    given = parser.parse_args(arguments)
    if not given.api_key or not given.api_secret:
        parser.error("give --api-key and --api-secret, or SHOPIFY_API_KEY and SHOPIFY_API_SECRET")
    if given.scale <= 0:
        parser.error("--scale must be above 0")
    for name in ("size", "lines"):
        if getattr(given, name) is not None and given.generated is None:
            parser.error(f"--{name} is for --generated")
    return Settings(
        host=given.host,
        port=given.port,
        data_dir=given.data_dir,
        app=App(
            given.api_key,
            given.api_secret,
            tuple(given.redirect_uri),
            given.compliance_uri,
            given.app_url,
        ),
        cdnow=given.cdnow,
        file_shops=tuple(given.shop),
        generated=None
        if given.generated is None
        else GeneratedShop(given.generated, given.size or DEFAULT_SIZE, lines=given.lines),
        scale=given.scale,
        tls=given.tls,
    )


async def _serve(settings: Settings, journal: Journal) -> None:
    shops = load_shops(settings, journal)
    ready: dict[str, Any] = {"shops": [shop.domain for shop in shops]}
    config = uvicorn.Config(
        create_app(settings, shops),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with socket.create_server((settings.host, settings.port)) as listener:
        # Connections have it from the listener. Without it an answer's body waits 40 ms, until the
        # client has confirmed its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.tls:
            ca_path = settings.data_dir.absolute() / CA_FILE_NAME
            context = server_context(ready["shops"], ca_path)
            config.ssl_context_factory = lambda _config, _default: context
            ready["ca"] = str(ca_path)
        server = _Server(config)
        server.ready = ready
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await server.serve([listener])


def main(arguments: list[str]) -> int:
    settings = settings_from_arguments(arguments)
    try:
        journal = Journal(settings.data_dir)
        asyncio.run(_serve(settings, journal))
    except PlatformError as error:
        print(error.message, file=sys.stderr)
        return EXIT_BAD_INPUT
    except OSError as error:
        print(f"{error.filename or settings.host}: {error.strerror}", file=sys.stderr)
        return EXIT_BAD_INPUT
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
