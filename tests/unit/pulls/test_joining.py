"""A bulk file is put together again whatever the order of its lines, in one part or in many, and
a successor that skips what was applied sees exactly the rest.
"""

import json
import random
from pathlib import Path

import pytest

from services.ingestor.shopify.errors import AnswerUnreadableError, ExportFailedError
from services.ingestor.shopify.jsonl import (
    AS_IT_STANDS,
    Joined,
    parts_for,
    read_joined,
)

ROOTS = 200


def _line(value: dict[str, object]) -> str:
    return json.dumps(value).replace("/", "\\/")


def _root(number: int) -> str:
    return _line({"id": f"gid://shopify/Order/{number}", "name": f"#{number}"})


def _child(number: int, root: int) -> str:
    parent = f"gid://shopify/Order/{root}"
    return _line({"id": f"gid://shopify/LineItem/{number}", "__parentId": parent})


def _write(path: Path, lines: list[str], end: str = "\n") -> Path:
    path.write_text("\n".join(lines) + end)
    return path


@pytest.fixture
def shuffled(tmp_path: Path) -> Path:
    lines = [_root(number) for number in range(ROOTS)]
    lines += [_child(root * 100 + n, root) for root in range(ROOTS) for n in range(root % 7)]
    random.Random(7).shuffle(lines)
    return _write(tmp_path / "orders.jsonl", lines)


def _shape(joined: Joined) -> tuple[str, list[str]]:
    return json.loads(joined.root)["id"], [json.loads(line)["id"] for line in joined.children]


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_every_root_comes_once_with_all_its_children(shuffled: Path, parts: int):
    found = dict(_shape(joined) for joined in read_joined(shuffled, parts))
    assert set(found) == {f"gid://shopify/Order/{number}" for number in range(ROOTS)}
    for root, children in found.items():
        number = int(root.rpartition("/")[2])
        expected = {f"gid://shopify/LineItem/{number * 100 + n}" for n in range(number % 7)}
        assert set(children) == expected
        assert len(children) == len(expected)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("skip", [0, 1, 66, 199, 200])
def test_a_successor_sees_exactly_the_rest(shuffled: Path, parts: int, skip: int):
    whole = [_shape(joined) for joined in read_joined(shuffled, parts)]
    rest = [_shape(joined) for joined in read_joined(shuffled, parts, skip=skip)]
    assert rest == whole[skip:]


def test_the_parts_are_gone_once_they_were_read(shuffled: Path):
    assert len(list(read_joined(shuffled, 5))) == ROOTS
    assert list(shuffled.parent.iterdir()) == [shuffled]


def test_a_last_line_without_its_end_counts(tmp_path: Path):
    file = _write(tmp_path / "o.jsonl", [_child(1, 5), _root(5)], end="")
    assert [_shape(joined) for joined in read_joined(file, 1)] == [
        ("gid://shopify/Order/5", ["gid://shopify/LineItem/1"])
    ]


@pytest.mark.parametrize("skip", [0, 2, 3])
def test_a_file_of_roots_alone_is_read_as_it_stands(tmp_path: Path, skip: int):
    file = _write(tmp_path / "o.jsonl", [_root(number) for number in (5, 1, 3)], end="")
    found = [_shape(joined) for joined in read_joined(file, AS_IT_STANDS, skip=skip)]
    assert found == [(f"gid://shopify/Order/{number}", []) for number in (5, 1, 3)][skip:]
    assert list(tmp_path.iterdir()) == [file]


def test_an_empty_file_has_no_roots(tmp_path: Path):
    file = tmp_path / "o.jsonl"
    file.touch()
    assert list(read_joined(file, 1)) == []
    assert parts_for(0) == 1


def test_a_child_without_its_root_means_that_the_file_is_not_whole(tmp_path: Path):
    file = _write(tmp_path / "o.jsonl", [_root(1), _child(1, 2)])
    with pytest.raises(ExportFailedError):
        list(read_joined(file, 1))


@pytest.mark.parametrize("line", ["not json", "[]", '{"name": "no id"}'])
def test_a_line_that_is_no_object_with_an_id_is_an_error(tmp_path: Path, line: str):
    file = _write(tmp_path / "o.jsonl", [line])
    with pytest.raises(AnswerUnreadableError):
        list(read_joined(file, 1))


def test_a_large_file_is_joined_in_parts_and_never_in_too_many():
    assert parts_for(1) == 1
    assert parts_for(400 * 1024 * 1024) > 10
    assert parts_for(10**12) == 256
