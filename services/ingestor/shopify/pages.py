"""Pages of what changed since a moment, the oldest change first, every nested list whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from libs.common.errors import InvalidInputError
from services.ingestor.facts import Entity, Fact
from services.ingestor.shopify import nodes, queries
from services.ingestor.shopify.decode import fact_of
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.windows import stamp


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
    page = answer.data["page"]
    facts = [_fact(node, await _children(client, entity, node)) for node in page["nodes"]]
    return Page(facts, answer.observed_at, _next(page))


async def _children(client: ShopifyClient, entity: Entity, node: dict[str, Any]) -> list[Any]:
    connection = node.pop("children", None)
    if connection is None:
        return []
    found = list(connection["nodes"])
    while (cursor := _next(connection)) is not None:
        more = {"id": node["id"], "after": cursor}
        owner = (await client.ask(queries.MORE_CHILDREN[entity], more)).data["owner"]
        if owner is None:
            # Deleted this very moment: what is known of it stays as it is.
            break
        connection = owner["children"]
        found += connection["nodes"]
    return found


def _next(connection: dict[str, Any]) -> str | None:
    info = connection["pageInfo"]
    return info["endCursor"] if info["hasNextPage"] else None


def _fact(node: dict[str, Any], children: list[Any]) -> Fact:
    try:
        return fact_of(
            msgspec.convert(node, nodes.Line), msgspec.convert(children, list[nodes.Line])
        )
    except (msgspec.ValidationError, InvalidInputError) as error:
        raise AnswerUnreadableError("An object of Shopify's has an unknown shape.") from error
