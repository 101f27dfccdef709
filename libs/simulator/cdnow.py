"""The CDNOW master file as a shop: one order for each row, at noon of its day in New York."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

from libs.common.errors import InvalidInputError
from libs.simulator.assembly import Assembly, Row
from libs.simulator.model import ShopContents
from libs.simulator.money import rounded

DOMAIN = "cdnow.myshopify.com"
CURRENCY = "USD"
ZONE = "America/New_York"
_FIRST_ORDER_NAME = 1001


def read_cdnow(path: Path) -> ShopContents:
    """Columns: customer id, date (YYYYMMDD), number of CDs, dollar value. A heading is passed over.

    Raises InvalidInputError with file, row and what to do.
    """
    assembly = Assembly()
    noons: dict[str, int] = {}
    orders = 0
    with path.open(encoding="utf-8-sig") as file:
        for number, text in enumerate(file, start=1):
            columns = text.split()
            if not columns or (number == 1 and not columns[0].isdigit()):
                continue
            try:
                assembly.add(_row(columns, _FIRST_ORDER_NAME + orders, noons))
            except (ValueError, InvalidOperation) as error:
                raise InvalidInputError(
                    f"{path}, row {number}: {error}. Expected customer id, date (YYYYMMDD), "
                    "number of CDs and dollar value, separated by spaces: fetch the file again."
                ) from error
            orders += 1
    if not orders:
        raise InvalidInputError(f"{path} holds no orders: is it CDNOW_master.txt?")
    return assembly.finish()


def _row(columns: list[str], name: int, noons: dict[str, int]) -> Row:
    customer, day, quantity, value = columns
    noon = noons.get(day)
    if noon is None:
        moment = datetime.strptime(day, "%Y%m%d").replace(hour=12, tzinfo=ZoneInfo(ZONE))
        noon = noons[day] = int(moment.timestamp())
    units, total = int(quantity), Decimal(value)
    if units < 1 or not total.is_finite() or total < 0:
        raise ValueError("number of CDs below 1 or dollar value below 0")
    return Row(
        order=f"#{name}",
        seconds=noon,
        customer=customer,
        product="CD",
        title="CD",
        quantity=units,
        price=rounded(total / units),
        total=total,
    )
