"""What the control API shows: camelCase, ids and money as text, times in UTC."""

from typing import Any

from libs.simulator.model import Customer, Order, Product
from libs.simulator.money import rest_amount
from libs.simulator.operations import Operation
from libs.simulator.subscriptions import Subscription
from libs.simulator.throttle import Bucket
from libs.simulator.times import graphql_time

View = dict[str, Any]


def order_view(order: Order) -> View:
    cancelled = order.cancelled_at
    return {
        "id": str(order.id),
        "name": order.name,
        "customerId": None if order.customer_id is None else str(order.customer_id),
        "createdAt": graphql_time(order.created_at),
        "processedAt": graphql_time(order.processed_at),
        "updatedAt": graphql_time(order.updated_at),
        "cancelledAt": None if cancelled is None else graphql_time(cancelled),
        "cancelReason": order.cancel_reason,
        "financialStatus": order.financial_status,
        "test": order.test,
        "total": rest_amount(order.total),
        "discount": rest_amount(order.discount),
        "refunded": rest_amount(order.refunded),
        "lines": [
            {
                "id": str(line.id),
                "productId": None if line.product_id is None else str(line.product_id),
                "variantId": None if line.variant_id is None else str(line.variant_id),
                "title": line.title,
                "quantity": line.quantity,
                "refundedQuantity": line.removed,
                "price": format(line.price, "f"),
                "total": format(line.total, "f"),
            }
            for line in order.lines
        ],
        "refunds": [
            {
                "id": str(refund.id),
                "createdAt": graphql_time(refund.created_at),
                "amount": rest_amount(refund.amount),
                "note": refund.note,
            }
            for refund in order.refunds
        ],
    }


def customer_view(customer: Customer) -> View:
    return {
        "id": str(customer.id),
        "name": customer.name,
        "firstName": customer.first_name,
        "lastName": customer.last_name,
        "email": customer.email,
        "note": customer.note,
        "tags": list(customer.tags),
        "createdAt": graphql_time(customer.created_at),
        "updatedAt": graphql_time(customer.updated_at),
    }


def product_view(product: Product) -> View:
    return {
        "id": str(product.id),
        "title": product.title,
        "vendor": product.vendor,
        "productType": product.product_type,
        "status": product.status,
        "variants": [
            {
                "id": str(variant.id),
                "title": variant.title,
                "sku": variant.sku,
                "price": rest_amount(variant.price),
                "inventory": variant.inventory,
            }
            for variant in product.variants
        ],
        "createdAt": graphql_time(product.created_at),
        "updatedAt": graphql_time(product.updated_at),
    }


def subscription_view(subscription: Subscription) -> View:
    return {
        "id": str(subscription.id),
        "topic": subscription.topic,
        "uri": subscription.uri,
        "apiVersion": subscription.api_version,
        "includeFields": list(subscription.include_fields),
        "createdAt": graphql_time(subscription.created_at),
    }


def operation_view(operation: Operation) -> View:
    ended = operation.completed_at
    return {
        "id": str(operation.id),
        "status": operation.status,
        "objectCount": operation.object_count,
        "createdAt": graphql_time(operation.created_at),
        "completedAt": None if ended is None else graphql_time(ended),
    }


def bucket_view(bucket: Bucket) -> View:
    return {
        "capacity": bucket.rate.capacity,
        "perSecond": bucket.rate.per_second,
        "available": bucket.available(),
        "spent": bucket.spent,
    }
