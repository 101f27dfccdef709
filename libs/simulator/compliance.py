"""The webhooks of privacy law, which go to the app's one address and not to subscriptions."""

from functools import partial
from typing import Any

import msgspec

from libs.common.clock import utc_now
from libs.simulator.changes import found
from libs.simulator.model import Customer
from libs.simulator.shops import Shop
from libs.simulator.times import now_seconds
from libs.simulator.webhooks import WebhookSender

SHOP_REDACT_SECONDS = 48 * 3_600
"""From the uninstall on, times the scale."""

Body = dict[str, Any]


class Compliance:
    """What one shop has to ask of the app."""

    def __init__(self, shop: Shop, sender: WebhookSender) -> None:
        self._shop = shop
        self._sender = sender

    def request_data(self, customer_id: str) -> None:
        customer = self._customer(customer_id)
        body = {
            **self._shop_body(),
            "orders_requested": self._orders_of(customer),
            "customer": _customer_body(customer),
            "data_request": {"id": self._shop.numbers.next()},
        }
        self._sender.send_compliance(self._shop, "customers/data_request", body)

    def redact_customer(self, customer_id: str) -> None:
        """Shopify forgets the person first; the customer stays, without a name."""
        customer = self._customer(customer_id)
        body = {
            **self._shop_body(),
            "customer": _customer_body(customer),
            "orders_to_redact": self._orders_of(customer),
        }
        self._shop.put(_anonymous(customer))
        self._sender.send_compliance(self._shop, "customers/redact", body)

    def plan_shop_redact(self) -> None:
        """The app is uninstalled now. Nothing is sent when it is back by the time it is due."""
        self._shop.note_uninstall(utc_now().timestamp())
        self.resume()

    def resume(self) -> None:
        """Take up again what a restart interrupted."""
        uninstalled_at = self._shop.uninstalled_at
        if uninstalled_at is not None:
            due = uninstalled_at + SHOP_REDACT_SECONDS * self._sender.scale
            wait = max(0.0, due - utc_now().timestamp())
            self._sender.later(wait, partial(self._redact_shop, uninstalled_at))

    def _redact_shop(self, uninstalled_at: float) -> None:
        if self._shop.uninstalled_at != uninstalled_at:
            return  # Another uninstall came after it, and is waited for anew.
        self._shop.note_uninstall(None)
        if self._sender.compliance_uri is not None and not self._shop.tokens.installed:
            self._sender.send_compliance(self._shop, "shop/redact", self._shop_body())

    def _customer(self, customer_id: str) -> Customer:
        return found(self._shop.customers, customer_id, "customer")

    def _orders_of(self, customer: Customer) -> list[int]:
        orders = self._shop.orders.values()
        return [order.id for order in orders if order.customer_id == customer.id]

    def _shop_body(self) -> Body:
        return {"shop_id": self._shop.facts.id, "shop_domain": self._shop.domain}


def _anonymous(customer: Customer) -> Customer:
    return msgspec.structs.replace(
        customer, first_name="", last_name="", email=None, note=None, updated_at=now_seconds()
    )


def _customer_body(customer: Customer) -> Body:
    return {"id": customer.id, "email": customer.email, "phone": None}
