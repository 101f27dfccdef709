"""Each of the 36 properties has its file, its tag and a change of the code that must break it."""

import pytest

from tests.keeper import ROOT
from tests.properties.mutants import mutant_of, property_files

FILES = property_files()


def test_every_property_has_one_file():
    assert list(FILES) == list(range(1, 37))


@pytest.mark.parametrize("number", FILES)
def test_a_property_begins_with_its_tag(number: int):
    tag = f"# Feature: shopify-multi-tenant-dashboard, Property {number}: For any "
    assert FILES[number].read_text().startswith(tag)


@pytest.mark.parametrize("number", FILES)
def test_a_mutant_changes_one_line_that_is_there_once(number: int):
    mutant = mutant_of(FILES[number])

    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.file.startswith(("services/", "libs/"))
    old, new = mutant.old.splitlines(), mutant.new.splitlines()
    assert len(old) == len(new)
    assert sum(before != after for before, after in zip(old, new, strict=True)) == 1
