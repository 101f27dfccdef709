"""What is said of a further entity decides when it is read, and what a page of it asks for."""

import pytest

from services.ingestor.entities import inventory_levels
from services.ingestor.kinds.documents import more_document, page_document
from services.ingestor.kinds.registry import KINDS


@pytest.mark.parametrize(
    ("scopes", "granted"),
    [
        ({"read_inventory", "read_locations"}, True),
        ({"write_inventory", "read_locations"}, True),
        ({"read_inventory"}, False),
        ({"read_locations", "read_products"}, False),
    ],
)
def test_an_entity_that_needs_several_scopes_is_read_with_all_of_them(
    scopes: set[str], *, granted: bool
):
    assert inventory_levels.KIND.is_granted(frozenset(scopes)) is granted


def test_levels_are_searched_below_every_location_on_every_page_of_them():
    first, rest = page_document(inventory_levels.KIND), more_document(inventory_levels.KIND)

    assert "locations(first: 50, after: $after, includeInactive: true)" in first
    assert "inventoryLevels(first: 250, query: $query)" in first
    assert "inventoryLevels(first: 250, after: $after, query: $query)" in rest


@pytest.mark.parametrize("name", sorted(KINDS))
def test_rows_of_an_owner_name_it_in_a_column_of_theirs(name: str):
    kind = KINDS[name]

    assert {owner.column for owner in kind.owners} <= set(kind.row.__struct_fields__)
