"""Of an export that broke off, only what shows that it is whole is trusted."""

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from services.ingestor.pulls.parts import is_whole
from services.ingestor.shopify.bulk import download_part
from services.ingestor.shopify.errors import ExportFailedError
from services.ingestor.shopify.jsonl import read_joined
from tests.integration.ingestor.facts import customer, line, order, product

TWO = (line(1, "2.00"), line(2, "3.00"))
ROOT, CHILD = b'{"id":"A"}\n', b'{"id":"B","__parentId":"A"}\n'


def test_an_order_is_whole_when_its_lines_make_up_its_subtotal():
    subtotal = sum((each.total - each.discounts for each in TWO), Decimal(0))
    assert is_whole(order(1, lines=TWO, subtotal=subtotal))
    assert not is_whole(order(1, lines=TWO[:1], subtotal=subtotal))
    assert not is_whole(order(1, lines=(), subtotal=Decimal(0)))


def test_a_customer_is_whole_and_a_product_may_lack_variants():
    assert is_whole(customer(1))
    assert not is_whole(product(1))


@pytest.mark.parametrize("parts", [1, 3])
def test_a_child_whose_parent_was_cut_off_is_left_out_of_a_part_alone(tmp_path: Path, parts: int):
    file = tmp_path / "part"
    file.write_bytes(CHILD + b'{"id":"D","__parentId":"C"}\n' + ROOT)

    [joined] = read_joined(file, parts, whole=False)

    assert (joined.root, joined.children) == (ROOT, [CHILD])
    with pytest.raises(ExportFailedError):
        list(read_joined(file, parts))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (ROOT + CHILD, ROOT + CHILD),
        (ROOT + CHILD[:-1], ROOT),
        (ROOT + CHILD[:9], ROOT),
        (b'{"id', b""),
        (b"", b""),
    ],
)
async def test_a_line_that_is_cut_in_two_is_no_line_of_a_part(
    tmp_path: Path, sent: bytes, kept: bytes
):
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, content=sent))
    async with httpx.AsyncClient(transport=transport) as http:
        await download_part(http, "https://storage.example/part", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == kept
