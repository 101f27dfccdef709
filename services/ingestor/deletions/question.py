"""Asks one shop which of some objects it still has. Source: the Admin API's `nodes(ids:)`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from libs.common.errors import ReconnectRequiredError, ShopifyRequestError, TenantNotFoundError
from libs.common.ids import global_id
from services.ingestor.deletions.checks import REDACT
from services.ingestor.deletions.repository import Check
from services.ingestor.facts import Entity
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import queries
from services.ingestor.shopify.answers import Answer, converted
from services.ingestor.shopify.errors import AnswerUnreadableError
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.refusals import ErrorCode

MAX_IDS: Final = 250
"""As many ids as Shopify takes in one question."""

_CORE: Final[Mapping[Entity, str]] = {
    "customers": "Customer",
    "orders": "Order",
    "products": "Product",
}
_NAMES = ("firstName", "lastName", "defaultEmailAddress")


async def find_gone(client: ShopifyClient, checks: Sequence[Check]) -> set[Check]:
    """Those of `checks` that are to be applied; all are of one topic and location.

    Shopify has them no longer, or nobody can ask it about them: see the package. Raises what the
    client raises where it could be asked another time.
    """
    shown = [check for check in checks if not check.hidden]
    gone = set(checks) - set(shown)
    if not shown:
        return gone
    try:
        answer = await _ask(client, shown)
    except (ReconnectRequiredError, TenantNotFoundError):
        return set(checks)
    except ShopifyRequestError as error:
        if error.context.get("reason") != ErrorCode.ACCESS_DENIED.value:
            raise
        return set(checks)
    return gone.union(
        check for check, node in zip(shown, _nodes(answer, shown), strict=True) if node is None
    )


async def _ask(client: ShopifyClient, checks: Sequence[Check]) -> Answer:
    first = checks[0]
    variables: dict[str, Any] = {"ids": [_global_id(check) for check in checks]}
    if first.topic == REDACT:
        return await client.ask(queries.CUSTOMER_NODES, variables)
    if first.location_id:
        variables["location"] = global_id("Location", first.location_id)
        return await client.ask(queries.LEVEL_NODES, variables)
    return await client.ask(queries.NODES, variables)


def _global_id(check: Check) -> str:
    kind = _CORE.get(check.entity) or KINDS[check.entity].node_type
    return global_id(kind, check.object_id)


def _nodes(answer: Answer, checks: Sequence[Check]) -> list[dict[str, Any] | None]:
    """One for each of `checks`, in their order; None where it is gone."""
    nodes = converted(answer.data.get("nodes"), list[dict[str, Any] | None])
    if len(nodes) != len(checks) or any(
        node is not None and node.get("id") != _global_id(check)
        for node, check in zip(nodes, checks, strict=False)
    ):
        raise AnswerUnreadableError("Shopify answered about other objects than were asked for.")
    return [node if node and _is_there(node, checks[0], answer) else None for node in nodes]


def _is_there(node: dict[str, Any], check: Check, answer: Answer) -> bool:
    if check.topic == REDACT:
        # Where the app may not see names, their absence says nothing.
        return bool(answer.denied) or any(node.get(name) for name in _NAMES)
    return not check.location_id or node.get("level") is not None
