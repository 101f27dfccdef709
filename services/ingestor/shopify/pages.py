"""Pages of what changed since a moment, oldest change first or by id, every nested list whole."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from libs.common.ids import global_id, shopify_id
from services.ingestor.facts import Entity, Fact, Records
from services.ingestor.kinds.kind import Kind, check_fact
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import nodes, queries
from services.ingestor.shopify.answers import converted
from services.ingestor.shopify.decode import UNREADABLE, fact_of, salvage_fact
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.windows import stamp
from services.ingestor.values import Moment

_AHEAD = timedelta(days=1)
"""Of Shopify's clock: by far more than its own machines differ."""


class _PageInfo(msgspec.Struct, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Connection(msgspec.Struct, rename="camel"):
    page_info: _PageInfo
    nodes: list[dict[str, Any]]

    @property
    def next_cursor(self) -> str | None:
        return self.page_info.end_cursor if self.page_info.has_next_page else None


class Page(NamedTuple):
    """`cursor` leads to the next page; None after the last.

    All that changed up to `newest` is in this page and those before it; None where the list is
    not in the order of change. `last_id` is the last object's. `unreadable` says in how many
    objects a field had no readable value.
    """

    facts: Sequence[Fact]
    observed_at: datetime
    cursor: str | None
    newest: datetime | None
    last_id: int | None
    unreadable: Counter[str]


async def read_changes(
    client: ShopifyClient,
    entity: Entity,
    since: datetime,
    cursor: str | None = None,
    after_id: int | None = None,
) -> Page:
    """The next page of the objects whose `updated_at` is `since` or later.

    Objects that change meanwhile move to the end, so they may come twice but are not skipped. Of
    a list by id, those after `after_id`. Raises AnswerUnreadableError.
    """
    kind = KINDS[entity].listing if entity in KINDS else None
    search = _search(kind, since, after_id)
    variables = {"after": cursor} | ({"query": search} if search else {})
    answer = await client.ask(queries.PAGE[entity], variables)
    page = converted(answer.data.get("page"), _Connection)
    below = {"query": search} if kind and kind.searches_children else {}
    facts: list[Fact] = []
    changed: list[datetime] = []
    unreadable: Counter[str] = Counter()
    for node in page.nodes:
        children = await _children(client, entity, node, below)
        if children is None:
            continue
        odd: Counter[str] = Counter()
        fact = _read(kind, node, children, answer.observed_at, odd)
        unreadable += odd
        if fact is not None:
            facts.append(fact)
            if not odd:
                changed += _changes(kind, node, fact, answer.observed_at)
    return Page(
        facts,
        answer.observed_at,
        page.next_cursor,
        newest=None if queries.is_by_id(entity) else max(changed, default=None),
        last_id=shopify_id(page.nodes[-1]["id"]) if page.nodes else None,
        unreadable=unreadable,
    )


async def read_order(
    client: ShopifyClient, entity: Entity, order_id: int
) -> tuple[Fact, datetime] | None:
    """An order, or what is below it of a further entity, and when it was seen.

    None where Shopify shows no such order (any more). Raises AnswerUnreadableError.
    """
    answer = await client.ask(queries.ORDER[entity], {"id": global_id("Order", order_id)})
    if (found := answer.data.get("order")) is None:
        return None
    node = converted(found, dict[str, Any])
    if (children := await _children(client, entity, node, {})) is None:
        return None
    kind = KINDS.get(entity)
    fact = _read(kind, node, children, answer.observed_at, Counter())
    return None if fact is None else (fact, answer.observed_at)


def _search(kind: Kind | None, since: datetime, after_id: int | None) -> str:
    field = kind.search_field if kind else "updated_at"
    return " ".join(
        (
            *((f"{field}:>='{stamp(since)}'",) if field else ()),
            *((kind.only,) if kind and kind.only else ()),
            *((f"id:>{after_id}",) if after_id else ()),
        )
    )


def _changes(
    kind: Kind | None, node: dict[str, Any], fact: Fact, observed_at: datetime
) -> Iterator[datetime]:
    """When what was read of a node changed.

    A time still to come is left out: all that changes until then would be skipped.
    """
    latest = observed_at + _AHEAD
    if kind is not None and kind.owner is None and isinstance(fact, Records):
        yield from (row.updated_at for row in fact.rows if row.updated_at <= latest)
    elif (changed := converted(node.get("updatedAt"), Moment)) <= latest:
        yield changed


async def _children(
    client: ShopifyClient, entity: Entity, node: dict[str, Any], variables: dict[str, str]
) -> list[Any] | None:
    """All of them, taken out of the node; None when it was deleted while they were read.

    Those of a list's elements are left there, whole. `variables` go with every question for more.
    """
    kind = KINDS.get(entity)
    if kind is None or kind.children is None or not kind.children.within:
        return await _all_children(client, entity, node, variables)
    within = kind.children.within
    node[within] = elements = converted(node.get(within), list[dict[str, Any]])
    for element in elements:
        element["children"] = await _all_children(client, entity, element, variables)
    whole = all(element["children"] is not None for element in elements)
    return [] if whole else None


async def _all_children(
    client: ShopifyClient, entity: Entity, node: dict[str, Any], variables: dict[str, str]
) -> list[Any] | None:
    if "children" not in node:
        return []
    connection = converted(node.pop("children"), _Connection)
    found = list(connection.nodes)
    while (cursor := connection.next_cursor) is not None:
        more = {"id": node.get("id"), "after": cursor, **variables}
        owner = (await client.ask(queries.MORE_CHILDREN[entity], more)).data.get("owner")
        if owner is None:
            return None
        connection = converted(owner.get("children"), _Connection)
        found += connection.nodes
    return found


def _read(
    kind: Kind | None,
    node: dict[str, Any],
    children: list[Any],
    observed_at: datetime,
    unreadable: Counter[str],
) -> Fact | None:
    try:
        fact = _records(kind, node, children) if kind else _fact(node, children)
        check_fact(fact)
    except UNREADABLE:
        return salvage_fact(kind, node, children, observed_at, unreadable)
    return fact


def _records(kind: Kind, node: dict[str, Any], children: list[Any]) -> Records:
    """A page shows all that an owner has."""
    below = kind.children
    rows = kind.rows(
        msgspec.convert(node, kind.node),
        [msgspec.convert(child, below.node) for child in children] if below and below.node else (),
    )
    owner_id = shopify_id(str(node.get("id"))) if kind.owner else None
    return Records(entity=kind.name, rows=tuple(rows), owner_id=owner_id)


def _fact(node: dict[str, Any], children: list[Any]) -> Fact:
    return fact_of(msgspec.convert(node, nodes.Line), msgspec.convert(children, list[nodes.Line]))
