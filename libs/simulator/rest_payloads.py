"""REST bodies, where they differ from those of webhooks."""

from libs.simulator.events import Event
from libs.simulator.model import Customer, Product
from libs.simulator.money import rest_amount
from libs.simulator.payloads import Body, customer_body, product_body
from libs.simulator.shops import Shop
from libs.simulator.times import rest_time

_WEBHOOKS_ALONE = frozenset({"variant_gids", "category"})
_FOLDERS = {"Order": "orders", "Product": "products"}


def rest_customer(shop: Shop, customer: Customer) -> Body:
    tally = shop.totals.of_customer(customer.id)
    return {
        **customer_body(shop, customer),
        "orders_count": tally.orders,
        "total_spent": rest_amount(tally.revenue),
        "tags": ", ".join(customer.tags),
    }


def rest_product(shop: Shop, product: Product) -> Body:
    body = product_body(shop, product)
    return {name: value for name, value in body.items() if name not in _WEBHOOKS_ALONE}


def rest_event(shop: Shop, event: Event) -> Body:
    return {
        "id": event.id,
        "subject_id": event.subject_id,
        "created_at": rest_time(event.created_at, shop.zone),
        "subject_type": event.subject_type,
        "verb": event.verb,
        "arguments": [],
        "body": None,
        "message": event.message,
        "author": "Shopify",
        "description": event.message,
        "path": f"/admin/{_FOLDERS[event.subject_type]}/{event.subject_id}",
    }
