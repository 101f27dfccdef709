"""Webhook bodies of orders and refunds."""

from decimal import Decimal

from libs.simulator.model import ZERO, Line, Order, Refund, RefundLine
from libs.simulator.money import rest_amount, rounded
from libs.simulator.numbers import global_id
from libs.simulator.order_parts import (
    Fulfillment,
    Transaction,
    fulfillments_of,
    transactions_of,
)
from libs.simulator.payloads import Body, customer_body, email_of, money_set, with_set
from libs.simulator.shops import Shop
from libs.simulator.stock import location_of
from libs.simulator.times import rest_time


def order_body(shop: Shop, order: Order) -> Body:
    customer = shop.customers.get(order.customer_id or 0)
    created = rest_time(order.created_at, shop.zone)
    cancelled = order.cancelled_at
    return {
        "id": order.id,
        "admin_graphql_api_id": global_id("Order", order.id),
        "cancel_reason": order.cancel_reason,
        "cancelled_at": None if cancelled is None else rest_time(cancelled, shop.zone),
        "closed_at": None,
        "confirmed": True,
        "contact_email": email_of(shop, customer),
        "created_at": created,
        "currency": shop.facts.currency,
        "email": email_of(shop, customer) or (None if shop.faults.protected_fields else ""),
        "financial_status": order.financial_status,
        "fulfillment_status": "fulfilled" if order.is_fulfilled else None,
        "name": order.name,
        "note": None,
        "number": order.number - 1000,
        "order_number": order.number,
        "payment_gateway_names": ["bogus"],
        "phone": None,
        "presentment_currency": _presented(shop, order),
        "processed_at": rest_time(order.processed_at, shop.zone),
        "source_name": "web",
        "tags": "",
        "tax_lines": [],
        "taxes_included": False,
        "test": order.test,
        "updated_at": rest_time(order.updated_at, shop.zone),
        **_order_money(shop, order),
        "customer": customer_body(shop, customer) if customer else None,
        "discount_applications": [],
        "fulfillments": [fulfillment_body(shop, each) for each in fulfillments_of(order)],
        "line_items": [_line_body(shop, line) for line in order.lines],
        "refunds": [refund_body(shop, order, refund) for refund in order.refunds],
        "shipping_lines": [],
    }


def _presented(shop: Shop, order: Order) -> str:
    return order.presentment.currency if order.presentment else shop.facts.currency


def _order_money(shop: Shop, order: Order) -> Body:
    shown = order.presentment
    goods = rounded(sum((line.total for line in order.lines), ZERO))
    return {
        **with_set(shop, "current_subtotal_price", order.current_total, shown),
        **with_set(shop, "current_total_discounts", order.discount, shown),
        **with_set(shop, "current_total_price", order.current_total, shown),
        **with_set(shop, "current_total_tax", ZERO, shown),
        "current_shipping_price_set": money_set(shop, ZERO, shown),
        **with_set(shop, "subtotal_price", order.total, shown),
        **with_set(shop, "total_discounts", order.discount, shown),
        **with_set(shop, "total_line_items_price", goods, shown),
        "total_outstanding": "0.00",
        **with_set(shop, "total_price", order.total, shown),
        "total_shipping_price_set": money_set(shop, ZERO, shown),
        **with_set(shop, "total_tax", ZERO, shown),
        "total_tip_received": "0.00",
        "total_weight": 0,
    }


def _line_body(shop: Shop, line: Line) -> Body:
    product = shop.products.get(line.product_id or 0)
    variant = shop.variants.get(line.variant_id or 0)
    allocations = [
        {
            "amount": rest_amount(line.discount),
            "amount_set": money_set(shop, line.discount, line.presentment),
            "discount_application_index": 0,
        }
    ]
    return {
        "id": line.id,
        "admin_graphql_api_id": global_id("LineItem", line.id),
        "current_quantity": line.quantity - line.removed,
        "fulfillable_quantity": line.quantity - line.removed,
        "fulfillment_status": None,
        "gift_card": False,
        "grams": 0,
        "name": line.name,
        **with_set(shop, "price", line.price, line.presentment),
        "product_exists": product is not None,
        "product_id": product.id if product else None,
        "properties": [],
        "quantity": line.quantity,
        "requires_shipping": True,
        "sku": line.sku,
        "taxable": True,
        "title": line.title,
        **with_set(shop, "total_discount", ZERO, line.presentment),
        "variant_id": variant.id if variant else None,
        "variant_title": line.variant_title,
        "vendor": None,
        "tax_lines": [],
        "duties": [],
        "discount_allocations": allocations if line.discount else [],
    }


def fulfillment_body(shop: Shop, sent: Fulfillment) -> Body:
    order = sent.order
    created = rest_time(sent.made_at, shop.zone)
    return {
        "id": order.id,
        "admin_graphql_api_id": global_id("Fulfillment", order.id),
        "created_at": created,
        "location_id": location_of(shop.facts).id,
        "line_items": [_line_body(shop, line) for line in order.lines],
        "name": sent.name,
        "order_id": order.id,
        "shipment_status": None,
        "status": "success",
        "tracking_company": None,
        "tracking_number": None,
        "updated_at": created,
    }


def refund_body(shop: Shop, order: Order, refund: Refund) -> Body:
    created = rest_time(refund.created_at, shop.zone)
    lines = {line.id: line for line in order.lines}
    goods = sum((line.subtotal for line in refund.lines), ZERO)
    adjustment = goods - refund.amount
    return {
        "id": refund.id,
        "order_id": order.id,
        "created_at": created,
        "note": refund.note,
        "user_id": None,
        "processed_at": created,
        "duties": [],
        "total_duties_set": money_set(shop, ZERO, order.presentment),
        "return": None,
        "refund_shipping_lines": [],
        "restock": False,
        "admin_graphql_api_id": global_id("Refund", refund.id),
        "order_adjustments": [_adjustment(shop, order, refund, adjustment)] if adjustment else [],
        "refund_line_items": [
            _refund_line_body(shop, item, lines[item.line_id])
            for item in refund.lines
            if item.line_id in lines
        ],
        "transactions": [
            transaction_body(shop, one)
            for one in transactions_of(order)
            if one.id == refund.transaction_id
        ],
    }


def _adjustment(shop: Shop, order: Order, refund: Refund, amount: Decimal) -> Body:
    return {
        "id": refund.id + 1,
        "order_id": order.id,
        "refund_id": refund.id,
        "amount": rest_amount(amount),
        "amount_set": money_set(shop, amount, order.presentment),
        "kind": "refund_discrepancy",
        "reason": "Refund discrepancy",
        "tax_amount": "0.00",
        "tax_amount_set": money_set(shop, ZERO, order.presentment),
    }


def transaction_body(shop: Shop, paid: Transaction) -> Body:
    """`amount` is in the buyer's currency, as REST gives it unless asked `in_shop_currency`, and
    there is no set of both. Nothing is ever left to be settled."""
    created = rest_time(paid.created_at, shop.zone)
    order = paid.order
    return {
        "id": paid.id,
        "admin_graphql_api_id": global_id("OrderTransaction", paid.id),
        "amount": money_set(shop, paid.amount, order.presentment)["presentment_money"]["amount"],
        "created_at": created,
        "currency": _presented(shop, order),
        "gateway": "bogus",
        "kind": paid.kind.lower(),
        "order_id": order.id,
        "parent_id": paid.parent.id if paid.parent else None,
        "processed_at": created,
        "status": "success",
        "test": order.test,
        "total_unsettled_set": {
            "presentment_money": {"amount": "0.0", "currency": _presented(shop, order)},
            "shop_money": {"amount": "0.0", "currency": shop.facts.currency},
        },
    }


def _refund_line_body(shop: Shop, item: RefundLine, line: Line) -> Body:
    """`subtotal` and `total_tax` are JSON numbers, at Shopify too."""
    return {
        "id": item.id,
        "quantity": item.quantity,
        "line_item_id": item.line_id,
        "location_id": location_of(shop.facts).id if item.restocked else None,
        "restock_type": "return" if item.restocked else "no_restock",
        "subtotal": float(item.subtotal),
        "total_tax": 0.0,
        "subtotal_set": money_set(shop, item.subtotal, line.presentment),
        "total_tax_set": money_set(shop, ZERO, line.presentment),
        "line_item": _line_body(shop, line),
    }
