"""What each field of the schema is, once, for pages (graphql-core) and for bulk operations.

Money fields are in `money_fields.py`, a field with arguments is in `connections.py`.
"""

from collections.abc import Mapping

from libs.simulator.context import Context
from libs.simulator.drafts import DRAFTS
from libs.simulator.field_kinds import (
    NO,
    NOTHING,
    YES,
    Constant,
    Fields,
    Filled,
    Found,
    Id,
    OfShop,
    Same,
    Time,
    Upper,
    ids,
)
from libs.simulator.model import Line, Order, Refund, RefundLine
from libs.simulator.money import rounded
from libs.simulator.money_fields import (
    ORDER_MONEY,
    MoneyField,
    amount_text,
    currency_of_money,
    money_of,
    no_money,
    seen_currency,
    seen_money,
    shop_money,
)
from libs.simulator.offers import OFFERS
from libs.simulator.order_parts import ORDER_PARTS
from libs.simulator.product_fields import PRODUCTS
from libs.simulator.stock import STOCK, location_of


def _currency(context: Context) -> str:
    return context.shop.facts.currency


def _order_email(context: Context, order: Order) -> str | None:
    customer = context.shop.customers.get(order.customer_id or 0)
    return customer.email if customer else None


_ORDER: Fields = {
    **ids("Order"),
    **ORDER_MONEY,
    "name": Same("name"),
    "createdAt": Time("created_at"),
    "processedAt": Time("processed_at"),
    "updatedAt": Time("updated_at"),
    "cancelledAt": Time("cancelled_at"),
    "cancelReason": Upper("cancel_reason"),
    "closed": NO,
    "closedAt": NOTHING,
    "test": Same("test"),
    "confirmed": YES,
    "sourceName": Constant("web"),
    "note": NOTHING,
    "email": _order_email,
    "tags": Constant(()),
    "displayFinancialStatus": Upper("financial_status"),
    "displayFulfillmentStatus": Upper("fulfillment_status"),
    "currencyCode": OfShop(_currency),
    "presentmentCurrencyCode": seen_currency,
    "taxesIncluded": NO,
    "customer": Found("customers", "customer_id"),
    "subtotalLineItemsQuantity": Same("units"),
    "currentSubtotalLineItemsQuantity": lambda _, order: sum(line.left for line in order.lines),
}

_LINE: Fields = {
    "id": Id("LineItem"),
    "name": Same("name"),
    "title": Same("title"),
    "sku": Filled("sku"),
    "variantTitle": Same("variant_title"),
    "vendor": NOTHING,
    "quantity": Same("quantity"),
    "currentQuantity": Same("left"),
    "refundableQuantity": Same("left"),
    "isGiftCard": NO,
    "taxable": YES,
    "requiresShipping": YES,
    "product": Found("products", "product_id"),
    "variant": Found("variants", "variant_id"),
    "originalTotalSet": MoneyField("total"),
    "originalUnitPriceSet": MoneyField("price"),
    "discountedTotalSet": MoneyField("total"),
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


_REFUND: Fields = {
    **ids("Refund", "refund.id"),
    "createdAt": Time("refund.created_at"),
    "processedAt": Time("refund.created_at"),
    "updatedAt": Time("refund.created_at"),
    "note": Same("refund.note"),
    "totalRefundedSet": lambda _, source: money_of(source.order, source.refund.amount),
    "order": Same("order"),
}

_REFUND_LINE: Fields = {
    "id": Id("RefundLineItem", "item.id"),
    "lineItem": Same("line"),
    "location": lambda context, source: (
        location_of(context.shop.facts) if source.item.restocked else None
    ),
    "quantity": Same("item.quantity"),
    "restockType": lambda _, source: "RETURN" if source.item.restocked else "NO_RESTOCK",
    "restocked": Same("item.restocked"),
    "priceSet": lambda _, source: money_of(
        source.line, rounded(source.item.subtotal / source.item.quantity)
    ),
    "subtotalSet": lambda _, source: money_of(source.line, source.item.subtotal),
    "totalTaxSet": lambda context, source: no_money(context, source.line),
}

_CUSTOMER: Fields = {
    **ids("Customer"),
    "createdAt": Time("created_at"),
    "updatedAt": Time("updated_at"),
    "state": Constant("DISABLED"),
    "firstName": Same("first_name"),
    "lastName": Same("last_name"),
    "displayName": Same("name"),
    "email": Same("email"),
    "note": Same("note"),
    "tags": Same("tags"),
    "verifiedEmail": lambda _, customer: customer.email is not None,
    "taxExempt": NO,
    "numberOfOrders": lambda context, customer: str(
        context.shop.totals.of_customer(customer.id).orders
    ),
    "amountSpent": lambda context, customer: context.shop.totals.of_customer(customer.id).revenue,
    "defaultEmailAddress": lambda _, customer: customer if customer.email else None,
    "defaultPhoneNumber": NOTHING,
}

_COLLECTION: Fields = {
    **ids("Collection"),
    "title": Same("title"),
    "handle": Same("handle"),
    "sortOrder": Constant("MANUAL"),
    "updatedAt": Time("updated_at"),
}

FIELDS: Mapping[str, Fields] = {
    **ORDER_PARTS,
    **STOCK,
    **DRAFTS,
    **OFFERS,
    **PRODUCTS,
    "Order": _ORDER,
    "LineItem": _LINE,
    "Refund": _REFUND,
    "RefundLineItem": _REFUND_LINE,
    "Customer": _CUSTOMER,
    "CustomerEmailAddress": {"emailAddress": Same("email")},
    "CustomerPhoneNumber": {"phoneNumber": Constant("")},
    "Collection": _COLLECTION,
    "Count": {
        "count": Same("number"),
        "precision": lambda _, counted: "EXACT" if counted.exact else "AT_LEAST",
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
