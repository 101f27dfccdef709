"""The GraphQL documents. Each validates against the whole 2026-10 schema: tests/contracts.

Bulk queries obey Shopify's rules for them: at most five connections, nested at most two deep,
`edges` and `node` only, an un-aliased id beside a nested connection, none inside a list.
"""

from typing import Final

from services.ingestor.facts import Entity

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
}

BULK: Final[dict[Entity, str]] = {
    "customers": """
{
  customers {
    edges {
      node {
        __typename id createdAt updatedAt firstName lastName
        defaultEmailAddress { emailAddress }
      }
    }
  }
}
""",
    "orders": """
{
  orders {
    edges {
      node {
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
        lineItems {
          edges {
            node {
              __typename id title sku quantity currentQuantity
              product { id }
              variant { id }
              originalTotalSet { shopMoney { amount } }
              discountAllocations { allocatedAmountSet { shopMoney { amount } } }
            }
          }
        }
      }
    }
  }
}
""",
    "products": """
{
  products {
    edges {
      node {
        __typename id title handle vendor status createdAt updatedAt
        variants { edges { node { __typename id price } } }
      }
    }
  }
}
""",
}


def bulk_query(entity: Entity, search: str) -> str:
    """The bulk query of what `search` finds; of everything when it is empty."""
    if not search:
        return BULK[entity]
    return BULK[entity].replace(f"{entity} {{", f'{entity}(query: "{search}") {{', 1)


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
    id status errorCode createdAt objectCount rootObjectCount fileSize url
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
    ORDER_SPAN,
    START_BULK,
    BULK_OPERATION,
    CANCEL_BULK,
    SUBSCRIPTIONS,
    SUBSCRIBE,
    UNSUBSCRIBE,
)
