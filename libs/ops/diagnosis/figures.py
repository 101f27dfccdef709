"""Does every tenant get its figures? Each is asked for as the dashboard would."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from libs.common.errors import PlatformError
from libs.common.web.client import ServiceClient
from libs.ops.diagnosis.findings import Finding
from libs.ops.errors import OperationError
from libs.ops.operator import operator_client

QUESTIONS = ("summary", "top-customers", "orders")
_NAME = "figures"
_CONCURRENCY = 4
_MAX_SHOWN = 5
_TO_DO = (
    "these merchants see an error in place of their sales: find the request id in the log of "
    "analytics, which holds the cause"
)
_DATABASE = "see the findings about the database"
_SHOPS = "SELECT tenant_id, domain FROM tenancy.shop_directory ORDER BY domain"

Shop = tuple[UUID, str]


async def shops_of(owner_url: str) -> list[Shop] | None:
    """Every shop that is known; None where the database cannot say."""
    try:
        connection = await asyncpg.connect(owner_url, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return None
    try:
        return [(row["tenant_id"], row["domain"]) for row in await connection.fetch(_SHOPS)]
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def check_figures(
    data_dir: Path, analytics_url: str | None, shops: Sequence[Shop] | None
) -> list[Finding]:
    """One finding over all `shops`; none where it is not known where analytics runs."""
    if analytics_url is None:
        return []
    if shops is None:
        return [Finding(_NAME, "not known: the database names no shops", _DATABASE)]
    try:
        client = operator_client("analytics", analytics_url, data_dir, os.environ)
    except OperationError as error:
        return [Finding(_NAME, "not known: analytics cannot be asked", error.message)]
    places = asyncio.Semaphore(_CONCURRENCY)
    try:
        failed = await asyncio.gather(*(_failure(client, shop, places) for shop in shops))
    finally:
        await client.close()
    return [_finding([each for each in failed if each], len(shops))]


async def _failure(client: ServiceClient, shop: Shop, places: asyncio.Semaphore) -> str:
    """What went wrong for one shop, empty where nothing did."""
    tenant_id, domain = shop
    async with places:
        for question in QUESTIONS:
            path = f"/internal/figures/{question}"
            try:
                answer = await client.send("GET", path, tenant_id=tenant_id)
            except PlatformError as error:
                return f"{domain} ({question}: {error.code})"
            if not answer.is_success:
                return f"{domain} ({question}: status {answer.status_code})"
    return ""


def _finding(failed: Sequence[str], number: int) -> Finding:
    if not failed:
        return Finding(_NAME, f"each of {number} tenants gets its figures")
    more = len(failed) - _MAX_SHOWN
    shown = ", ".join(failed[:_MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return Finding(_NAME, f"{len(failed)} of {number} tenants get an error: {shown}", _TO_DO)
