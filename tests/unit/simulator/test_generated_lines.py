"""A generated shop has the lines it was asked for, and its usual mixture unless asked."""

import pytest

from libs.simulator.generator import MOST_LINES, Generator
from libs.simulator.model import GeneratedShop

ORDERS = 200


def _line_counts(lines: int | None) -> list[int]:
    generator = Generator(GeneratedShop(7, ORDERS, lines=lines))
    return [len(generator.order(place).lines) for place in range(ORDERS)]


@pytest.mark.parametrize("lines", range(1, MOST_LINES + 1))
def test_every_order_has_as_many_lines_as_were_asked_for(lines: int):
    assert set(_line_counts(lines)) == {lines}


def test_unless_asked_orders_have_different_numbers_of_lines():
    assert set(_line_counts(None)) == set(range(1, MOST_LINES + 1))
