"""Any file of order lines becomes a shop with the file's own sums, or is refused by row."""

import random
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow
import pyarrow.parquet
import pytest

from libs.common.errors import InvalidInputError
from libs.simulator.files import COLUMNS, read_file
from libs.simulator.model import ShopContents
from tests.integration.simulator.driver import ROOT, refused_arguments

LONDON = ZoneInfo("Europe/London")
HEADING = ",".join(COLUMNS)
GOOD = "1,2024-03-01T09:00:00,C,P,Thing,1,2.50"


def _read(tmp_path: Path, *rows: str, heading: str = HEADING) -> ShopContents:
    path = tmp_path / "lines.csv"
    path.write_text("\n".join((heading, *rows)) + "\n", encoding="utf-8")
    return read_file(path, LONDON)


def test_ids_depend_on_the_text_and_not_on_the_order_of_rows(tmp_path: Path):
    rows = [
        f"O{n % 40},2024-03-{1 + n % 40 % 20:02}T10:00,C{n % 40 % 7},P{n % 11},x,1,1.10"
        for n in range(200)
    ]
    shuffled = random.Random(3).sample(rows, len(rows))

    first, second = _read(tmp_path, *rows), _read(tmp_path, *shuffled)

    assert set(first.orders) == set(second.orders)
    assert set(first.customers) == set(second.customers)
    assert set(first.products) == set(second.products)
    assert {number: order.name for number, order in first.orders.items()} == {
        number: order.name for number, order in second.orders.items()
    }
    assert min(*first.orders, *first.customers, *first.products) > 2**53
    assert max(*first.orders, *first.customers, *first.products) < 2**63


def test_totals_are_rounded_once_for_each_order_and_half_up(tmp_path: Path):
    contents = _read(
        tmp_path,
        "A,2024-03-01,,P,x,1,0.333",
        "A,2024-03-01,,P,x,1,0.332",
        "B,2024-03-01,,P,x,3,1.115",
    )

    totals = {order.name: order.total for order in contents.orders.values()}
    assert totals == {"#A": Decimal("0.67"), "#B": Decimal("3.35")}


def test_parquet_with_numbers_and_timestamps_is_the_same_shop(tmp_path: Path):
    rows = [
        "536365,2011-12-09T12:50:00,17850,85123A,Heart,6,2.55",
        "536366,2011-12-09T12:51:00,,71053,Lamp,2,0.1",
    ]
    table = pyarrow.table(
        {
            "order_id": pyarrow.array([536365, 536366], pyarrow.int64()),
            "ordered_at": pyarrow.array(
                [datetime(2011, 12, 9, 12, 50), datetime(2011, 12, 9, 12, 51)],
                pyarrow.timestamp("ns"),
            ),
            "customer_id": pyarrow.array([17850.0, float("nan")], pyarrow.float64()),
            "product_id": ["85123A", "71053"],
            "product_title": ["Heart", "Lamp"],
            "quantity": pyarrow.array([6.0, 2.0], pyarrow.float64()),
            "unit_price": pyarrow.array([2.55, 0.1], pyarrow.float64()),
            "country": ["UK", "UK"],
        }
    )
    path = tmp_path / "lines.parquet"
    pyarrow.parquet.write_table(table, path)

    assert read_file(path, LONDON) == _read(tmp_path, *rows)


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_times_finer_than_a_microsecond_are_cut(tmp_path: Path, zone: str | None):
    nanoseconds = 1_323_435_000_123_456_789
    texts = {name: ["x"] for name in COLUMNS}
    table = pyarrow.table(
        texts
        | {
            "ordered_at": pyarrow.array([nanoseconds], pyarrow.timestamp("ns", zone)),
            "quantity": ["1"],
            "unit_price": ["2.50"],
        }
    )
    path = tmp_path / "lines.parquet"
    pyarrow.parquet.write_table(table, path)

    [order] = read_file(path, LONDON).orders.values()
    assert order.processed_at == nanoseconds // 10**9


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_another_separator_is_told_by_its_name(tmp_path: Path, separator: str, name: str):
    heading, row = HEADING.replace(",", separator), GOOD.replace(",", separator)
    with pytest.raises(InvalidInputError, match=f"separated by {name}.*with commas"):
        _read(tmp_path, row.replace("2.50", "2,50"), heading=heading)


def test_odd_files_are_read_as_they_are_meant(tmp_path: Path):
    path = tmp_path / "lines.csv"
    heading = "unit_price,quantity,product_title,product_id,customer_id,ordered_at,order_id,extra"
    path.write_bytes(
        (
            "\ufeff" + heading + "\r\n"
            '0.001,1000,"Ünï ""quoted"", 田中/<b>\nsecond line",P/1,Æ,2024-03-31T01:30:00,X,\r\n'
            "\r\n"
            "1.5,2.0,,,,2024-07-01T12:00:00Z,Y,z\r\n"
        ).encode()
    )
    contents = read_file(path, LONDON)

    x, y = contents.orders.values()
    assert (x.name, x.total, y.name, y.total) == ("#X", Decimal("1.00"), "#Y", Decimal("3.00"))
    assert x.lines[0].title == 'Ünï "quoted", 田中/<b>\nsecond line'
    assert datetime.fromtimestamp(x.processed_at, UTC).isoformat() == "2024-03-31T01:30:00+00:00"
    assert datetime.fromtimestamp(y.processed_at, UTC).isoformat() == "2024-07-01T12:00:00+00:00"
    assert [customer.name for customer in contents.customers.values()] == ["Customer Æ"]
    assert (y.customer_id, y.lines[0].product_id, y.lines[0].title) == (None, None, "Item")


def test_the_earliest_time_and_the_first_customer_count(tmp_path: Path):
    contents = _read(
        tmp_path,
        "A,2024-03-02T09:00:00,,P,x,1,1",
        "A,2024-03-01T09:00:00,C1,P,x,1,1",
        "A,2024-03-03T09:00:00,C2,P,x,1,1",
    )

    [order] = contents.orders.values()
    [customer] = contents.customers.values()
    assert datetime.fromtimestamp(order.processed_at, UTC).day == 1
    assert (order.customer_id, customer.name) == (customer.id, "Customer C1")


def test_an_order_may_have_hundreds_of_lines(tmp_path: Path):
    contents = _read(tmp_path, *["A,2024-03-01,,P,x,1,0.015"] * 542)

    [order] = contents.orders.values()
    assert (len({line.id for line in order.lines}), order.total) == (542, Decimal("8.13"))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1,2024-03-01,C,P,Thing,0,2.50", "quantity is '0'"),
        ("1,2024-03-01,C,P,Thing,-3,2.50", "quantity is '-3'"),
        ("1,2024-03-01,C,P,Thing,1.5,2.50", "whole"),
        ("1,2024-03-01,C,P,Thing,99999999999,2.50", "quantity"),
        ("1,2024-03-01,C,P,Thing,1,0", "unit_price is '0'"),
        ("1,2024-03-01,C,P,Thing,1,free", "unit_price is 'free'"),
        ("1,2024-03-01,C,P,Thing,1,inf", "unit_price is 'inf'"),
        ("1,01/03/2024,C,P,Thing,1,2.50", "ISO 8601"),
        ("1,2024-02-30,C,P,Thing,1,2.50", "ISO 8601"),
        (",2024-03-01,C,P,Thing,1,2.50", "order_id is empty"),
        ("1,2024-03-01,C,P,Thing,1", "6 values under 7 columns"),
        ('1,2024-03-01,C,P,"Thing"x,1,2.50', "quotes"),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_row(tmp_path: Path, row: str, words: str):
    with pytest.raises(InvalidInputError) as refusal:
        _read(tmp_path, GOOD, row, GOOD)

    assert f"{tmp_path}/lines.csv, row 3: " in str(refusal.value)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        (HEADING.replace("quantity", "qty"), "column(s) missing: quantity"),
        (HEADING, "holds no order lines"),
        ("", "column(s) missing: order_id, ordered_at"),
    ],
)
def test_a_file_without_columns_or_rows_is_refused(tmp_path: Path, heading: str, words: str):
    with pytest.raises(InvalidInputError) as refusal:
        _read(tmp_path, heading=heading)

    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{HEADING}\n1,2024-03-01,C,P,Thing,0,1\n".encode(), "row 2: quantity is '0'"),
        (f"{HEADING}\n1,2024-03-01,C,P,Caf\xe9,1,1\n".encode("latin-1"), "save it as UTF-8"),
        (None, "No such file"),
    ],
)
def test_the_program_ends_with_status_2_and_says_why(
    tmp_path: Path, content: bytes | None, words: str
):
    path = tmp_path / "lines.csv"
    if content is not None:
        path.write_bytes(content)

    ended = subprocess.run(
        [
            *(sys.executable, "-m", "libs.simulator", "--data-dir", str(tmp_path / "data")),
            *("--api-key", "k", "--api-secret", "s", "--shop", f"a.myshopify.com={path}"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert str(path) in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "shop",
    [
        "a.myshopify.com",
        "evil.com=x.csv",
        "a.myshopify.com=x.csv,zone=Moon",
        "a.myshopify.com=x.csv,currency=DUCATS",
    ],
)
def test_a_shop_argument_that_cannot_be_is_refused(
    tmp_path: Path, shop: str, capsys: pytest.CaptureFixture[str]
):
    said = refused_arguments("--data-dir", str(tmp_path), "--shop", shop, capsys=capsys)

    assert "--shop" in said
