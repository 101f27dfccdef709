"""A shop from a file, CSV or Parquet, that has one row for each line of an order.

Its columns are `COLUMNS`; `ordered_at` is ISO 8601, in the shop's own time. What cannot be true is
refused with file, row and what to do.
"""

import csv
import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from libs.common.errors import InvalidInputError
from libs.simulator.assembly import Assembly, Row
from libs.simulator.model import ShopContents

COLUMNS = (
    "order_id",
    "ordered_at",
    "customer_id",
    "product_id",
    "product_title",
    "quantity",
    "unit_price",
)
_BATCH_ROWS = 20_000
_CACHED = 65_536
_MOST_UNITS = 1_000_000_000
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What spreadsheets write where a comma is the decimal point."""
_LONGEST_FIELD = 1_000_000

Record = tuple[object, ...]


def read_file(path: Path, zone: ZoneInfo) -> ShopContents:
    """Raises InvalidInputError; rows count from 1 and a CSV's heading is row 1."""
    assembly = Assembly()
    moments: dict[object, int] = {}
    rows = 0
    for number, record in _records(path):
        try:
            assembly.add(_row(record, zone, moments))
        except ValueError as error:
            raise InvalidInputError(f"{path}, row {number}: {error}") from error
        rows += 1
    if not rows:
        raise InvalidInputError(f"{path} holds no order lines: give a file with at least one.")
    return assembly.finish()


def _records(path: Path) -> Iterator[tuple[int, Record]]:
    if path.suffix.lower() in {".parquet", ".pq"}:
        yield from _parquet_records(path)
    else:
        yield from _csv_records(path)


def _csv_records(path: Path) -> Iterator[tuple[int, Record]]:
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            heading = [name.strip() for name in next(reader, [])]
            pick = itemgetter(*_places(path, heading))
            for values in reader:
                if not values:
                    continue
                if len(values) != len(heading):
                    raise InvalidInputError(
                        f"{path}, row {reader.line_num}: {len(values)} values under "
                        f"{len(heading)} columns. Put values that hold a comma in quotes."
                    )
                yield reader.line_num, pick(values)
        except UnicodeDecodeError as error:
            raise InvalidInputError(
                f"{path} is not UTF-8 after row {reader.line_num}: save it as UTF-8."
            ) from error
        except csv.Error as error:
            raise InvalidInputError(
                f"{path}, row {reader.line_num}: {error}. Mend the quotes in this row."
            ) from error


def _parquet_records(path: Path) -> Iterator[tuple[int, Record]]:
    # A sixth of the program's whole start, spent only on a shop that is such a file.
    import pyarrow.parquet  # noqa: PLC0415

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _places(path, file.schema_arrow.names)
            number = 0
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS)):
                values = [_python_values(batch.column(name)) for name in COLUMNS]
                for record in zip(*values, strict=True):
                    number += 1
                    yield number, record
    except (pyarrow.ArrowException, OSError) as error:
        raise InvalidInputError(f"{path} cannot be read as Parquet: {error}") from error


def _python_values(column: Any) -> list[Any]:
    """Times to the microsecond, which is all that Python's own know: the rest is cut off."""
    from pyarrow import timestamp, types  # noqa: PLC0415

    if types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(timestamp("us", column.type.tz), safe=False)
    return list(column.to_pylist())


def _places(path: Path, heading: list[str]) -> list[int]:
    missing = [name for name in COLUMNS if name not in heading]
    for separator, name in _OTHER_SEPARATORS.items():
        parts = {part.strip() for text in heading for part in text.split(separator)}
        if missing and parts >= set(COLUMNS):
            raise InvalidInputError(
                f"{path}, row 1: the columns are separated by {name}. Save the file with commas "
                "between the columns, and with decimal points."
            )
    if missing:
        raise InvalidInputError(
            f"{path}, row 1: column(s) missing: {', '.join(missing)}. "
            f"The columns are {', '.join(COLUMNS)}."
        )
    return [heading.index(name) for name in COLUMNS]


def _row(record: Record, zone: ZoneInfo, moments: dict[object, int]) -> Row:
    order, ordered_at, customer, product, title, quantity_value, price_value = record
    order_text = _text(order)
    if not order_text:
        raise ValueError("order_id is empty. Give every line the id of its order.")
    seconds = moments.get(ordered_at)
    if seconds is None:
        seconds = moments[ordered_at] = _seconds(ordered_at, zone)
    quantity = _quantity(quantity_value)
    price = _price(price_value)
    return Row(
        order=order_text,
        seconds=seconds,
        customer=_text(customer),
        product=_text(product),
        title=_text(title),
        quantity=quantity,
        price=price,
        total=price * quantity,
    )


def _text(value: object) -> str:
    """Ids come as text, or as numbers from Parquet: 17850.0 (a column with gaps) is 17850."""
    if isinstance(value, str):
        return value.strip()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _seconds(value: object, zone: ZoneInfo) -> int:
    try:
        if isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime.combine(value, time())
        else:
            moment = datetime.fromisoformat(str(value))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(
            f"ordered_at is {value!r}. Write it as ISO 8601, for example 2011-12-09T12:50:00."
        ) from None


def _number(name: str, value: object) -> Decimal:
    try:
        number = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number <= 0:
        raise ValueError(f"{name} is {value!r}. It must be a number above 0: mend or drop the row.")
    return number


@lru_cache(_CACHED)
def _quantity(value: object) -> int:
    number = _number("quantity", value)
    if number > _MOST_UNITS:
        raise ValueError(f"quantity is {value!r}. It must be at most {_MOST_UNITS:,}.")
    if number != number.to_integral_value():
        raise ValueError(f"quantity is {value!r}. It must be whole: mend or drop the row.")
    return int(number)


@lru_cache(_CACHED)
def _price(value: object) -> Decimal:
    return _number("unit_price", value)
