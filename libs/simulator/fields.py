"""What each field of the schema is, once, for pages (graphql-core) and for bulk operations.

Money fields are in `money_fields.py`, a field with arguments is in `connections.py`.
"""

from collections.abc import Mapping
from typing import Any

from libs.simulator.context import Context
from libs.simulator.model import Customer, Line, Order, Product, Refund, RefundLine, Variant
from libs.simulator.money import rounded
from libs.simulator.money_fields import (
    ORDER_MONEY,
    Field,
    amount_text,
    currency_of_money,
    money_field,
    money_of,
    no_money,
    seen_currency,
    seen_money,
    shop_money,
)
from libs.simulator.numbers import global_id
from libs.simulator.times import graphql_time

Fields = Mapping[str, Field]


def _time(name: str) -> Field:
    def read(_context: Context, source: Any) -> str | None:
        seconds = getattr(source, name)
        return None if seconds is None else graphql_time(seconds)

    return read


class Same:
    """A field that is an attribute of the row: a bulk operation reads it without a call."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _context: Context, source: Any) -> Any:
        return getattr(source, self.name)


class Constant:
    """A field that is the same for every row: a bulk operation reads it once."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __call__(self, _context: Context, _source: Any) -> Any:
        return self.value


_NO = Constant(value=False)
_YES = Constant(value=True)


def _ids(kind: str, name: str = "id") -> dict[str, Field]:
    prefix = global_id(kind, 0).removesuffix("0")
    return {
        "id": lambda _context, source: f"{prefix}{getattr(source, name)}",
        "legacyResourceId": lambda _context, source: str(getattr(source, name)),
    }


def _currency(context: Context, _source: Any) -> str:
    return context.shop.facts.currency


def _order_customer(context: Context, order: Order) -> Customer | None:
    return context.shop.customers.get(order.customer_id or 0)


def _order_email(context: Context, order: Order) -> str | None:
    customer = _order_customer(context, order)
    return customer.email if customer else None


def _line_product(context: Context, line: Line) -> Product | None:
    return context.shop.products.get(line.product_id or 0)


def _line_variant(context: Context, line: Line) -> Variant | None:
    product = _line_product(context, line)
    return product.variant(line.variant_id) if product else None


def _variant_product(context: Context, variant: Variant) -> Product:
    return context.shop.products[variant.product_id]


def _variant_name(context: Context, variant: Variant) -> str:
    return f"{_variant_product(context, variant).title} - {variant.title}"


def _upper(name: str) -> Field:
    def read(_context: Context, source: Any) -> str | None:
        text = getattr(source, name)
        return None if text is None else text.upper()

    return read


_ORDER: Fields = {
    **_ids("Order"),
    **ORDER_MONEY,
    "name": Same("name"),
    "createdAt": _time("created_at"),
    "processedAt": _time("processed_at"),
    "updatedAt": _time("updated_at"),
    "cancelledAt": _time("cancelled_at"),
    "cancelReason": _upper("cancel_reason"),
    "closed": _NO,
    "closedAt": Constant(None),
    "test": Same("test"),
    "confirmed": _YES,
    "sourceName": Constant("web"),
    "note": Constant(None),
    "email": _order_email,
    "tags": Constant(()),
    "displayFinancialStatus": _upper("financial_status"),
    "displayFulfillmentStatus": Constant("UNFULFILLED"),
    "currencyCode": _currency,
    "presentmentCurrencyCode": seen_currency,
    "taxesIncluded": _NO,
    "customer": _order_customer,
    "subtotalLineItemsQuantity": Same("units"),
    "currentSubtotalLineItemsQuantity": lambda _, order: sum(
        line.quantity - line.removed for line in order.lines
    ),
}

_LINE: Fields = {
    "id": _ids("LineItem")["id"],
    "name": Same("name"),
    "title": Same("title"),
    "sku": lambda _, line: line.sku or None,
    "variantTitle": Same("variant_title"),
    "vendor": Constant(None),
    "quantity": Same("quantity"),
    "currentQuantity": lambda _, line: line.quantity - line.removed,
    "refundableQuantity": lambda _, line: line.quantity - line.removed,
    "isGiftCard": _NO,
    "taxable": _YES,
    "requiresShipping": _YES,
    "product": _line_product,
    "variant": _line_variant,
    "originalTotalSet": money_field("total"),
    "originalUnitPriceSet": money_field("price"),
    "discountedTotalSet": money_field("total"),
    "totalDiscountSet": no_money,
    "discountAllocations": lambda _, line: (
        (money_of(line, line.discount),) if line.discount else ()
    ),
}


class RefundOfOrder:
    """A refund together with its order: GraphQL asks a refund for its order and its lines."""

    __slots__ = ("order", "refund")

    def __init__(self, order: Order, refund: Refund) -> None:
        self.order = order
        self.refund = refund


class RefundLineOfOrder:
    __slots__ = ("item", "line")

    def __init__(self, line: Line, item: RefundLine) -> None:
        self.line = line
        self.item = item


def _refund_time(_context: Context, source: RefundOfOrder) -> str:
    return graphql_time(source.refund.created_at)


_REFUND: Fields = {
    "id": lambda _, source: global_id("Refund", source.refund.id),
    "legacyResourceId": lambda _, source: str(source.refund.id),
    "createdAt": _refund_time,
    "processedAt": _refund_time,
    "updatedAt": _refund_time,
    "note": lambda _, source: source.refund.note,
    "totalRefundedSet": lambda _, source: money_of(source.order, source.refund.amount),
    "order": Same("order"),
}

_REFUND_LINE: Fields = {
    "id": lambda _, source: global_id("RefundLineItem", source.item.id),
    "lineItem": Same("line"),
    "quantity": lambda _, source: source.item.quantity,
    "restockType": Constant("NO_RESTOCK"),
    "restocked": _NO,
    "priceSet": lambda _, source: money_of(
        source.line, rounded(source.item.subtotal / source.item.quantity)
    ),
    "subtotalSet": lambda _, source: money_of(source.line, source.item.subtotal),
    "totalTaxSet": lambda context, source: no_money(context, source.line),
}

_CUSTOMER: Fields = {
    **_ids("Customer"),
    "createdAt": _time("created_at"),
    "updatedAt": _time("updated_at"),
    "state": Constant("DISABLED"),
    "firstName": Same("first_name"),
    "lastName": Same("last_name"),
    "displayName": Same("name"),
    "email": Same("email"),
    "note": Same("note"),
    "tags": Same("tags"),
    "verifiedEmail": lambda _, customer: customer.email is not None,
    "taxExempt": _NO,
    "numberOfOrders": lambda context, customer: str(
        context.shop.totals.of_customer(customer.id).orders
    ),
    "amountSpent": lambda context, customer: context.shop.totals.of_customer(customer.id).revenue,
    "defaultEmailAddress": lambda _, customer: customer if customer.email else None,
    "defaultPhoneNumber": Constant(None),
}

_PRODUCT: Fields = {
    **_ids("Product"),
    "title": Same("title"),
    "handle": Same("handle"),
    "vendor": Same("vendor"),
    "productType": Same("product_type"),
    "status": _upper("status"),
    "tags": Constant(()),
    "createdAt": _time("created_at"),
    "updatedAt": _time("updated_at"),
    "publishedAt": _time("created_at"),
    "totalInventory": Same("inventory"),
    "isGiftCard": _NO,
    "hasOnlyDefaultVariant": Same("has_default_variant"),
}

_VARIANT: Fields = {
    **_ids("ProductVariant"),
    "title": Same("title"),
    "displayName": _variant_name,
    "sku": lambda _, variant: variant.sku or None,
    "barcode": Constant(None),
    "price": lambda _, variant: format(rounded(variant.price), "f"),
    "compareAtPrice": Constant(None),
    "inventoryQuantity": Same("inventory"),
    "position": Same("position"),
    "taxable": _YES,
    "createdAt": _time("created_at"),
    "updatedAt": _time("updated_at"),
    "product": _variant_product,
    "inventoryItem": lambda _, variant: variant,
}

FIELDS: Mapping[str, Fields] = {
    "Order": _ORDER,
    "LineItem": _LINE,
    "Refund": _REFUND,
    "RefundLineItem": _REFUND_LINE,
    "Customer": _CUSTOMER,
    "CustomerEmailAddress": {"emailAddress": Same("email")},
    "CustomerPhoneNumber": {"phoneNumber": Constant("")},
    "Product": _PRODUCT,
    "ProductVariant": _VARIANT,
    "InventoryItem": {
        "id": lambda _, variant: global_id("InventoryItem", variant.id + 1),
        "sku": lambda _, variant: variant.sku or None,
        "tracked": _NO,
        "unitCost": Constant(None),
    },
    "DiscountAllocation": {"allocatedAmountSet": lambda _, amount: amount},
    "MoneyBag": {
        "shopMoney": shop_money,
        "presentmentMoney": seen_money,
    },
    "MoneyV2": {
        "amount": amount_text,
        "currencyCode": currency_of_money,
    },
}
