"""Pages of what changed since a moment, the oldest change first, every nested list whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from libs.common.errors import InvalidInputError
from services.ingestor.facts import Entity, Fact
from services.ingestor.shopify import nodes, queries
from services.ingestor.shopify.answers import converted
from services.ingestor.shopify.decode import fact_of
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.windows import stamp


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
    """`cursor` leads to the next page; None after the last."""

    facts: Sequence[Fact]
    observed_at: datetime
    cursor: str | None


async def read_changes(
    client: ShopifyClient, entity: Entity, since: datetime, cursor: str | None = None
) -> Page:
    """The next page of the objects whose `updated_at` is `since` or later.

    Objects that change meanwhile move to the end, so they may come twice but are not skipped.
    Raises AnswerUnreadableError.
    """
    search = {"query": f"updated_at:>='{stamp(since)}'", "after": cursor}
    answer = await client.ask(queries.PAGE[entity], search)
    page = converted(answer.data.get("page"), _Connection)
    facts = []
    for node in page.nodes:
        children = await _children(client, entity, node)
        if children is not None:
            facts.append(_fact(node, children))
    return Page(facts, answer.observed_at, page.next_cursor)


async def _children(
    client: ShopifyClient, entity: Entity, node: dict[str, Any]
) -> list[Any] | None:
    """All of them, taken out of the node; None when it was deleted while they were read."""
    if "children" not in node:
        return []
    connection = converted(node.pop("children"), _Connection)
    found = list(connection.nodes)
    while (cursor := connection.next_cursor) is not None:
        more = {"id": node.get("id"), "after": cursor}
        owner = (await client.ask(queries.MORE_CHILDREN[entity], more)).data.get("owner")
        if owner is None:
            return None
        connection = converted(owner.get("children"), _Connection)
        found += connection.nodes
    return found


def _fact(node: dict[str, Any], children: list[Any]) -> Fact:
    try:
        return fact_of(
            msgspec.convert(node, nodes.Line), msgspec.convert(children, list[nodes.Line])
        )
    except (msgspec.ValidationError, InvalidInputError) as error:
        raise AnswerUnreadableError("An object of Shopify's has an unknown shape.") from error
