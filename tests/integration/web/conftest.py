"""The echoing app on a port."""

from collections.abc import AsyncIterator

import pytest

from tests.http_servers import serving
from tests.integration.web.echo import LIMITS, echo


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(echo, limits=LIMITS) as url:
        yield int(url.rpartition(":")[2])
