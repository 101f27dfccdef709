"""How a service process begins and ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import uvloop

from libs.common.errors import PlatformError
from libs.common.logs import configure_logs, get_logger
from libs.common.security_events import configure_security_events
from libs.common.settings import ServiceSettings, settings_or_exit

_Settings = TypeVar("_Settings", bound=ServiceSettings)


def run_service(
    name: str, settings_class: type[_Settings], main: Callable[[_Settings], Awaitable[None]]
) -> None:
    """Check the settings, then run `main` to its end.

    Exits with 78 on wrong settings and with 1 when a backing service stays away.
    """
    settings = settings_or_exit(settings_class)
    configure_logs(name, settings.log_level)
    configure_security_events(settings.event_hash_secret())

    async def run() -> None:
        await main(settings)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(run())
        except PlatformError as error:
            get_logger().error("service_failed", code=error.code, reason=error.message)
            raise SystemExit(1) from None
