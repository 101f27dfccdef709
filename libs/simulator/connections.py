"""Fields that take arguments, and the roots: pages, counts, look-ups and mutations."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from libs.simulator.context import Context
from libs.simulator.few_rows import BELOW, COUNT_LIMIT, FEW, Args, Connection, Counted
from libs.simulator.field_kinds import Fields
from libs.simulator.fields import RefundOfOrder
from libs.simulator.model import Customer, Order, Product
from libs.simulator.nodes import NODES
from libs.simulator.numbers import global_id, number_from_global_id
from libs.simulator.operations import Operation
from libs.simulator.order_parts import fulfillments_of, transactions_of
from libs.simulator.pages import Page, count, listed, page, sorted_keys
from libs.simulator.plans import PLANS
from libs.simulator.search import predicate, terms_from_query
from libs.simulator.subscriptions import Subscription
from libs.simulator.times import graphql_time

VERSIONS: Mapping[str, tuple[str, bool]] = {
    "2026-01": ("2026-01", True),
    "2026-04": ("2026-04", True),
    "2026-07": ("2026-07", True),
    "2026-10": ("2026-10 (Latest)", True),
    "2027-01": ("2027-01 (Release candidate)", False),
    "unstable": ("unstable", False),
}


def _entities(entity: type) -> Connection:
    def read(context: Context, _source: Any, args: Args) -> Page:
        terms = terms_from_query(entity, args.get("query"))
        if entity is Order:
            terms += context.order_terms()
        return listed(context.shop, context.listings, entity, terms, args)

    return read


def _counted(entity: type) -> Connection:
    def read(context: Context, _source: Any, args: Args) -> Counted:
        terms = terms_from_query(entity, args.get("query"))
        if entity is Order:
            terms += context.order_terms()
        return Counted(count(context.shop, entity, terms), args.get("limit", COUNT_LIMIT))

    return read


def _order(context: Context, _source: Any, args: Args) -> Order | None:
    order = context.shop.orders.get(_number(args, "Order"))
    terms = context.order_terms()
    matches = predicate(Order, terms)
    return order if order is not None and (matches is None or matches(order)) else None


def _refund(context: Context, _source: Any, args: Args) -> RefundOfOrder | None:
    """Looks at one order after another."""
    number = _number(args, "Refund")
    matches = predicate(Order, context.order_terms())
    return next(
        (
            RefundOfOrder(order, refund)
            for order in context.shop.orders.values()
            for refund in order.refunds
            if refund.id == number and (matches is None or matches(order))
        ),
        None,
    )


def _customer(context: Context, _source: Any, args: Args) -> Customer | None:
    return context.shop.customers.get(_number(args, "Customer"))


def _product(context: Context, _source: Any, args: Args) -> Product | None:
    return context.shop.products.get(_number(args, "Product"))


def _number(args: Args, kind: str) -> int:
    number = number_from_global_id(str(args["id"]), kind)
    if number is None:
        raise GraphQLError(f"Invalid global id '{args['id']}'")
    return number


def _operation(context: Context, _source: Any, args: Args) -> Operation | None:
    return context.shop.operations.get(_number(args, "BulkOperation"))


def _operations(context: Context, _source: Any, args: Args) -> Page:
    matches = predicate(Operation, terms_from_query(Operation, args.get("query")))
    rows = {
        operation.id: operation
        for operation in context.shop.operations.all()
        if matches is None or matches(operation)
    }
    keys = sorted_keys(list(rows.values()), Operation, str(args.get("sortKey") or "CREATED_AT"))
    return page(keys, lambda key: rows[key[1]], args)


def _subscriptions(context: Context, _source: Any, args: Args) -> Page:
    topics, uri = args.get("topics"), args.get("uri")
    rows = {
        subscription.id: subscription
        for subscription in context.shop.subscriptions.all()
        if (topics is None or subscription.topic in topics)
        and (uri is None or subscription.uri == uri)
    }
    return page([(number, number) for number in sorted(rows)], lambda key: rows[key[1]], args)


def _subscription(context: Context, _source: Any, args: Args) -> Subscription | None:
    return context.shop.subscriptions.get(_number(args, "WebhookSubscription"))


def _refunds(_context: Context, order: Order, args: Args) -> Sequence[RefundOfOrder]:
    if not order.refunds:
        return ()
    return [RefundOfOrder(order, refund) for refund in order.refunds[: args.get("first")]]


CONNECTIONS: Mapping[tuple[str, str], Connection] = {
    ("QueryRoot", "orders"): _entities(Order),
    ("QueryRoot", "customers"): _entities(Customer),
    ("QueryRoot", "products"): _entities(Product),
    ("QueryRoot", "ordersCount"): _counted(Order),
    ("QueryRoot", "customersCount"): _counted(Customer),
    ("QueryRoot", "productsCount"): _counted(Product),
    ("QueryRoot", "order"): _order,
    ("QueryRoot", "refund"): _refund,
    ("QueryRoot", "customer"): _customer,
    ("QueryRoot", "product"): _product,
    ("QueryRoot", "bulkOperation"): _operation,
    ("QueryRoot", "bulkOperations"): _operations,
    ("QueryRoot", "webhookSubscription"): _subscription,
    ("QueryRoot", "webhookSubscriptions"): _subscriptions,
    ("Order", "refunds"): _refunds,
    ("Order", "transactions"): lambda _, order, args: transactions_of(order)[: args.get("first")],
    ("Order", "fulfillments"): lambda _, order, args: fulfillments_of(order)[: args.get("first")],
    **FEW,
    **BELOW,
    **NODES,
}

_PAGE: Fields = {
    "nodes": lambda _, found: found.rows,
    "edges": lambda _, found: list(zip(found.cursors, found.rows, strict=True)),
    "pageInfo": lambda _, found: found,
}
_EDGE: Fields = {"cursor": lambda _, edge: edge[0], "node": lambda _, edge: edge[1]}

_CONNECTED = (
    "Collection",
    "Location",
    "InventoryItem",
    "InventoryLevel",
    "FulfillmentLineItem",
    "DraftOrder",
    "DraftOrderLineItem",
    "AbandonedCheckout",
    "AbandonedCheckoutLineItem",
    "DiscountNode",
    "DiscountCodeNode",
    "DiscountRedeemCode",
    "Order",
    "Customer",
    "Product",
    "ProductVariant",
    "ProductVariantPricePair",
    "Image",
    "LineItem",
    "RefundLineItem",
    "WebhookSubscription",
    "BulkOperation",
)

_SHOP: Fields = {
    "id": lambda context, _: global_id("Shop", context.shop.facts.id),
    "name": lambda context, _: context.shop.facts.name,
    "myshopifyDomain": lambda context, _: context.shop.domain,
    "email": lambda context, _: context.shop.facts.email,
    "contactEmail": lambda context, _: context.shop.facts.email,
    "currencyCode": lambda context, _: context.shop.facts.currency,
    "ianaTimezone": lambda context, _: context.shop.facts.zone,
    "taxesIncluded": lambda context, _: False,
    "createdAt": lambda context, _: graphql_time(context.shop.facts.created_at),
    "updatedAt": lambda context, _: graphql_time(context.shop.facts.updated_at),
    "url": lambda context, _: f"https://{context.shop.domain}",
    "plan": lambda context, _: context.shop,
}

_SUBSCRIPTION: Fields = {
    "id": lambda _, subscription: global_id("WebhookSubscription", subscription.id),
    "legacyResourceId": lambda _, subscription: str(subscription.id),
    "topic": lambda _, subscription: subscription.topic,
    "uri": lambda _, subscription: subscription.uri,
    "callbackUrl": lambda _, subscription: subscription.uri,
    "format": lambda _, subscription: "JSON",
    "includeFields": lambda _, subscription: subscription.include_fields,
    "metafieldNamespaces": lambda _, subscription: subscription.metafield_namespaces,
    "filter": lambda _, subscription: subscription.filter,
    "name": lambda _, subscription: subscription.name,
    "apiVersion": lambda _, subscription: subscription.api_version,
    "createdAt": lambda _, subscription: graphql_time(subscription.created_at),
    "updatedAt": lambda _, subscription: graphql_time(subscription.updated_at),
}

_OPERATION: Fields = {
    "id": lambda _, operation: global_id("BulkOperation", operation.id),
    "status": lambda _, operation: operation.status,
    "type": lambda _, operation: "QUERY",
    "errorCode": lambda _, operation: operation.error_code,
    "createdAt": lambda _, operation: graphql_time(operation.created_at),
    "completedAt": lambda _, operation: (
        None if operation.completed_at is None else graphql_time(operation.completed_at)
    ),
    "objectCount": lambda _, operation: str(operation.object_count),
    "rootObjectCount": lambda _, operation: str(operation.root_object_count),
    "fileSize": lambda _, operation: (
        None if operation.file_size is None else str(operation.file_size)
    ),
    "url": lambda context, operation: context.bulk.url(context, operation, partial=False),
    "partialDataUrl": lambda context, operation: context.bulk.url(context, operation, partial=True),
    "query": lambda _, operation: operation.query,
}

ROOT_FIELDS: Mapping[str, Fields] = {
    "QueryRoot": {
        "shop": lambda context, _: context.shop,
        "currentAppInstallation": lambda context, _: context.shop,
        "publicApiVersions": lambda _, __: list(VERSIONS),
    },
    "Shop": _SHOP,
    "ShopPlan": {
        "displayName": lambda _, shop: PLANS[shop.facts.plan].public_name,
        "publicDisplayName": lambda _, shop: PLANS[shop.facts.plan].public_name,
        "partnerDevelopment": lambda _, shop: shop.facts.plan == "development",
        "shopifyPlus": lambda _, shop: shop.facts.plan == "plus",
    },
    "AppInstallation": {
        "id": lambda context, _: global_id("AppInstallation", context.shop.facts.id),
        "accessScopes": lambda context, _: sorted(context.scopes),
    },
    "AccessScope": {
        "handle": lambda _, scope: scope,
        "description": lambda _, scope: scope.replace("_", " ").capitalize(),
    },
    "ApiVersion": {
        "handle": lambda _, handle: handle,
        "displayName": lambda _, handle: VERSIONS[handle][0],
        "supported": lambda _, handle: VERSIONS[handle][1],
    },
    "PageInfo": {
        "hasNextPage": lambda _, found: found.has_next,
        "hasPreviousPage": lambda _, found: found.has_previous,
        "startCursor": lambda _, found: found.cursors[0] if found.cursors else None,
        "endCursor": lambda _, found: found.cursors[-1] if found.cursors else None,
    },
    "WebhookSubscription": _SUBSCRIPTION,
    "BulkOperation": _OPERATION,
    **{f"{name}Connection": _PAGE for name in _CONNECTED},
    **{f"{name}Edge": _EDGE for name in _CONNECTED},
}
