"""Under which name PostgreSQL knows a shop's time zone.

Shopify tells some zones by names that the zone database has replaced, such as Asia/Calcutta.
A server whose zone files came without the old names refuses them (SQLSTATE 22023), in every
statement that makes a day of a time.
"""

from functools import cache
from importlib import resources
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.common.database.transaction import Transaction

FALLBACK: Final = "UTC"

_UNKNOWN = "22023"
_TRY = text("SELECT now() AT TIME ZONE :zone")


async def known_zone(tx: Transaction, zone: str) -> str | None:
    """`zone`, or another name of the same zone; None where the server knows none of them."""
    for name in (zone, *other_names(zone)):
        if await _is_known(tx, name):
            return name
    return None


def other_names(zone: str) -> tuple[str, ...]:
    """The names that share their rules with `zone`, the one that has replaced it first."""
    replaced = _links().get(zone, zone)
    same = sorted(old for old, new in _links().items() if new == replaced)
    return tuple(name for name in (replaced, *same) if name != zone)


async def _is_known(tx: Transaction, zone: str) -> bool:
    try:
        async with tx.begin_nested():
            await tx.execute(_TRY, {"zone": zone})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _UNKNOWN:
            raise
        return False
    return True


@cache
def _links() -> dict[str, str]:
    """Old name to new, from the zone database's own list: lines of the form `L new old`."""
    source = resources.files("tzdata").joinpath("zoneinfo/tzdata.zi").read_text()
    lines = (line.split() for line in source.splitlines() if line.startswith("L "))
    return {old: new for _, new, old in lines}
