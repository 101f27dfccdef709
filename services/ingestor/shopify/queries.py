"""The GraphQL documents. Each validates against the whole 2026-10 schema: tests/contracts.

Bulk queries obey Shopify's rules for them: at most five connections, nested at most two deep,
`edges` and `node` only, an un-aliased id beside a nested connection, none inside a list.
"""

from collections.abc import Sequence
from typing import Final

from services.ingestor.facts import Entity
from services.ingestor.kinds.documents import (
    count_document,
    export_document,
    more_document,
    order_document,
    page_document,
)
from services.ingestor.kinds.registry import KINDS

SHOP: Final = """
query Shop {
  shop {
    id name myshopifyDomain currencyCode ianaTimezone taxesIncluded
    plan { publicDisplayName }
  }
  currentAppInstallation { accessScopes { handle } }
}
"""

COUNTS: Final[dict[Entity, str]] = {
    "customers": """
query CustomersCount($query: String) {
  found: customersCount(limit: null, query: $query) { count precision }
}
""",
    "orders": """
query OrdersCount($query: String) {
  found: ordersCount(limit: null, query: $query) { count precision }
}
""",
    "products": """
query ProductsCount($query: String) {
  found: productsCount(limit: null, query: $query) { count precision }
}
""",
    **{kind.name: count_document(kind) for kind in KINDS.values() if kind.count},
}

_NODE: Final[dict[Entity, str]] = {
    "customers": """
        __typename id createdAt updatedAt firstName lastName
        defaultEmailAddress { emailAddress }
""",
    "orders": """
        __typename id name createdAt processedAt updatedAt cancelledAt test
        displayFinancialStatus displayFulfillmentStatus currencyCode presentmentCurrencyCode
        customer { id }
        totalPriceSet { shopMoney { amount } presentmentMoney { amount } }
        currentTotalPriceSet { shopMoney { amount } }
        subtotalPriceSet { shopMoney { amount } }
        totalDiscountsSet { shopMoney { amount } }
        totalTaxSet { shopMoney { amount } }
        totalShippingPriceSet { shopMoney { amount } }
        refunds { id createdAt processedAt totalRefundedSet { shopMoney { amount } } }
""",
    "products": """
        __typename id title handle vendor status createdAt updatedAt
""",
}
_LINE_ITEM: Final = """
              __typename id title sku quantity currentQuantity
              product { id }
              variant { id }
              originalTotalSet { shopMoney { amount } }
              discountAllocations { allocatedAmountSet { shopMoney { amount } } }
"""
_VARIANT: Final = "__typename id price"
_CHILDREN: Final[dict[Entity, tuple[str, str]]] = {
    "orders": ("lineItems", _LINE_ITEM),
    "products": ("variants", _VARIANT),
}
"""The nested connection of an entity, and what is read of its nodes."""


def _bulk(entity: Entity) -> str:
    name, node = _CHILDREN.get(entity, ("", ""))
    children = f"{name} {{ edges {{ node {{ {node} }} }} }}" if name else ""
    return f"{{ {entity} {{ edges {{ node {{ {_NODE[entity]} {children} }} }} }} }}"


BULK: Final[dict[Entity, str]] = {
    **{entity: _bulk(entity) for entity in _NODE},
    **{kind.name: export_document([kind]) for kind in KINDS.values() if kind.bulk},
}


def bulk_query(entities: Sequence[Entity], search: str) -> str:
    """The bulk query of what `search` finds; of everything when it is empty.

    Further entities are always exported whole, and may be several in one export.
    """
    entity = entities[0]
    if entity in KINDS:
        return export_document([KINDS[each] for each in entities])
    if not search:
        return BULK[entity]
    return BULK[entity].replace(f"{entity} {{", f'{entity}(query: "{search}") {{', 1)


def has_children(entity: Entity) -> bool:
    """Whether lines of its export may belong to others; else each line is a whole object.

    The export may have been begun for others too: for all that the same nodes tell of.
    """
    if entity not in KINDS:
        return entity in _CHILDREN
    listed_by = KINDS[entity].listed_by
    return any(
        each.children for each in KINDS.values() if each.bulk and each.listed_by == listed_by
    )


_PAGE_INFO: Final = "pageInfo { hasNextPage endCursor }"
_PAGE_SIZES: Final[dict[Entity, tuple[int, int]]] = {
    "customers": (250, 0),
    "orders": (50, 50),
    "products": (100, 100),
}
"""Objects and children a page: by the protocol's cost model a page costs at most 235 points."""


def is_by_id(entity: Entity) -> bool:
    """Whether the pages of what changed come in the order of ids, and not of change.

    A customer's `updated_at` is searched by whole days: from a moment within a day one cannot go
    on, so a day with more changes than Shopify pages through would never end.
    """
    kind = KINDS.get(entity)
    return entity == "customers" if kind is None else kind.listing.sort is None


def _first_children(entity: Entity) -> str:
    name, node = _CHILDREN.get(entity, ("", ""))
    if not name:
        return ""
    _, size = _PAGE_SIZES[entity]
    return f"children: {name}(first: {size}) {{ {_PAGE_INFO} nodes {{ {node} }} }}"


def _page(entity: Entity) -> str:
    size, _ = _PAGE_SIZES[entity]
    sort = "ID" if is_by_id(entity) else "UPDATED_AT"
    return f"""
query {entity.title()}Page($query: String!, $after: String) {{
  page: {entity}(first: {size}, after: $after, query: $query, sortKey: {sort}) {{
    {_PAGE_INFO}
    nodes {{ {_NODE[entity]} {_first_children(entity)} }}
  }}
}}
"""


PAGE: Final[dict[Entity, str]] = {
    **{entity: _page(entity) for entity in _NODE},
    **{kind.name: page_document(kind) for kind in KINDS.values()},
}
"""What changed, oldest change first, or by id."""


ORDER: Final[dict[Entity, str]] = {
    "orders": f"""
query OneOrder($id: ID!) {{
  order(id: $id) {{ {_NODE["orders"]} {_first_children("orders")} }}
}}
""",
    **{kind.name: order_document(kind) for kind in KINDS.values() if kind.follows_refunds},
}
"""One order alone, or what is below it."""


def _more(entity: Entity, owner: str) -> str:
    name, node = _CHILDREN[entity]
    return f"""
query More($id: ID!, $after: String) {{
  owner: {owner}(id: $id) {{
    children: {name}(first: 250, after: $after) {{ {_PAGE_INFO} nodes {{ {node} }} }}
  }}
}}
"""


MORE_CHILDREN: Final[dict[Entity, str]] = {
    "orders": _more("orders", "order"),
    "products": _more("products", "product"),
    **{kind.name: more_document(kind) for kind in KINDS.values() if kind.children},
}
"""The rest of a nested list that is longer than a page of it."""

NODES: Final = """
query Nodes($ids: [ID!]!) {
  nodes(ids: $ids) { id }
}
"""

CUSTOMER_NODES: Final = """
query CustomerNodes($ids: [ID!]!) {
  nodes(ids: $ids) {
    id
    ... on Customer { firstName lastName defaultEmailAddress { emailAddress } }
  }
}
"""

LEVEL_NODES: Final = """
query LevelNodes($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    id
    ... on InventoryItem { level: inventoryLevel(locationId: $location) { id } }
  }
}
"""
"""Whether objects are there still: null for each that is not."""

ORDER_SPAN: Final = """
query OrderSpan {
  oldest: orders(first: 1, sortKey: CREATED_AT) { nodes { createdAt } }
  newest: orders(first: 1, sortKey: CREATED_AT, reverse: true) { nodes { createdAt } }
}
"""

START_BULK: Final = """
mutation StartBulk($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { id status }
    userErrors { code field message }
  }
}
"""

BULK_OPERATION: Final = """
query BulkOperation($id: ID!) {
  bulkOperation(id: $id) {
    id status errorCode createdAt objectCount rootObjectCount fileSize url partialDataUrl
  }
}
"""

CANCEL_BULK: Final = """
mutation CancelBulk($id: ID!) {
  bulkOperationCancel(id: $id) { bulkOperation { id status } userErrors { field message } }
}
"""

SUBSCRIPTIONS: Final = """
query Subscriptions($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { id topic uri }
  }
}
"""

SUBSCRIBE: Final = """
mutation Subscribe($topic: WebhookSubscriptionTopic!, $subscription: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $subscription) {
    webhookSubscription { id }
    userErrors { field message }
  }
}
"""

UNSUBSCRIBE: Final = """
mutation Unsubscribe($id: ID!) {
  webhookSubscriptionDelete(id: $id) {
    deletedWebhookSubscriptionId
    userErrors { field message }
  }
}
"""

SINGLE_DOCUMENTS: Final = (
    SHOP,
    *COUNTS.values(),
    *PAGE.values(),
    *MORE_CHILDREN.values(),
    *ORDER.values(),
    NODES,
    CUSTOMER_NODES,
    LEVEL_NODES,
    ORDER_SPAN,
    START_BULK,
    BULK_OPERATION,
    CANCEL_BULK,
    SUBSCRIPTIONS,
    SUBSCRIBE,
    UNSUBSCRIBE,
)
