"""Which rows match a search. Of generated rows, a bound on their creation or on their last update
rules out whole spans without making one."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from libs.simulator.generated import Generated
from libs.simulator.search import Term, predicate


def count_matching(entities: Mapping[int, Any], entity: type, terms: list[Term]) -> int:
    matches = predicate(entity, terms)
    if matches is None:
        return len(entities)
    if not isinstance(entities, Generated):
        return sum(map(matches, list(entities.values())))
    put = sum(map(matches, entities.present()))
    places, rest = _narrowed(entities, terms)
    if (left := predicate(entity, rest)) is not None:
        return put + sum(map(left, entities.untouched(places)))
    return put + len(places) - sum(number - entities.base in places for number in entities.changed)


def matching(entities: Mapping[int, Any], entity: type, terms: list[Term]) -> Iterable[Any]:
    """The rows as they are now, to be read once, at any time: values never change."""
    matches = predicate(entity, terms)
    if not isinstance(entities, Generated):
        rows = list(entities.values())
        return rows if matches is None else list(filter(matches, rows))
    taken = entities.copy()
    if matches is None:
        return taken.values()
    places, rest = _narrowed(taken, terms)
    made = taken.untouched(places)
    left = predicate(entity, rest)
    return chain(
        made if left is None else filter(left, made), list(filter(matches, taken.present()))
    )


def _narrowed(entities: Generated[Any], terms: list[Term]) -> tuple[range, list[Term]]:
    """The places that the bounds on times leave, and the terms that remain to be tested."""
    updated = updated_within(entities, terms)
    low, high = updated.start, updated.stop
    rest = []
    for term in terms:
        if term.field != "created_at" or term.negated:
            rest.append(term)
            continue
        if term.op in {">=", ">", ""}:
            low = max(low, entities.first_since(term.value + (term.op == ">")))
        if term.op in {"<", "<=", ""}:
            high = min(high, entities.first_since(term.value + (term.op != "<")))
    return range(low, max(low, high)), rest


def updated_within(entities: Generated[Any], terms: list[Term]) -> range:
    """The places that may be within the bounds on `updated_at`, as they were made."""
    bounds = [term for term in terms if term.field == "updated_at" and not term.negated]
    first = max((term.value for term in bounds if term.op in {">=", ">", ""}), default=None)
    last = min((term.value for term in bounds if term.op in {"<", "<=", ""}), default=None)
    return entities.updated_between(first, last)
