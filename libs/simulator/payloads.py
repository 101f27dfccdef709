"""Webhook bodies, shaped as Shopify's REST resources: ids are numbers, money is text, times
have the shop's offset. Also the escapes Shopify's JSON has and ours would not."""

from decimal import Decimal
from typing import Any

import orjson

from libs.simulator.model import Collection, Customer, Presentment, Product, Variant
from libs.simulator.money import rest_amount
from libs.simulator.numbers import global_id
from libs.simulator.plans import PLANS
from libs.simulator.shops import Shop
from libs.simulator.stock import Level, location_of
from libs.simulator.times import graphql_time, rest_time

Body = dict[str, Any]

_ESCAPES = ((b"/", b"\\/"), (b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"))
"""These characters stand only inside strings in JSON, so replacing bytes is safe."""


def json_bytes(body: Body) -> bytes:
    text = orjson.dumps(body)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


def money_set(shop: Shop, amount: Decimal, presentment: Presentment | None = None) -> Body:
    money = {"amount": rest_amount(amount), "currency_code": shop.facts.currency}
    if presentment is None:
        return {"shop_money": money, "presentment_money": money}
    presented = {
        "amount": format(presentment.of(amount), "f"),
        "currency_code": presentment.currency,
    }
    return {"shop_money": money, "presentment_money": presented}


def with_set(
    shop: Shop, name: str, amount: Decimal, presentment: Presentment | None = None
) -> Body:
    return {name: rest_amount(amount), f"{name}_set": money_set(shop, amount, presentment)}


def email_of(shop: Shop, customer: Customer | None) -> str | None:
    """As the app may see it."""
    return None if customer is None or shop.faults.protected_fields else customer.email


def customer_body(shop: Shop, customer: Customer) -> Body:
    shown = not shop.faults.protected_fields
    return {
        "id": customer.id,
        "created_at": rest_time(customer.created_at, shop.zone),
        "updated_at": rest_time(customer.updated_at, shop.zone),
        "first_name": customer.first_name if shown else None,
        "last_name": customer.last_name if shown else None,
        "state": "disabled",
        "note": customer.note,
        "verified_email": customer.email is not None,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": email_of(shop, customer),
        "phone": None,
        "currency": shop.facts.currency,
        "addresses": [],
        "tax_exemptions": [],
        "admin_graphql_api_id": global_id("Customer", customer.id),
    }


def product_body(shop: Shop, product: Product) -> Body:
    times = {
        "created_at": rest_time(product.created_at, shop.zone),
        "updated_at": rest_time(product.updated_at, shop.zone),
    }
    return {
        "admin_graphql_api_id": global_id("Product", product.id),
        "body_html": None,
        "handle": product.handle,
        "id": product.id,
        "product_type": product.product_type,
        "published_at": times["created_at"],
        "template_suffix": None,
        "title": product.title,
        "vendor": product.vendor,
        "status": product.status,
        "published_scope": "web",
        "tags": "",
        **times,
        "variants": [_variant_body(shop, variant) for variant in product.variants],
        "options": [_option_body(product)],
        "images": [],
        "image": None,
        "variant_gids": [
            {
                "admin_graphql_api_id": global_id("ProductVariant", variant.id),
                "updated_at": graphql_time(variant.updated_at),
            }
            for variant in product.variants
        ],
        "category": None,
    }


def _option_body(product: Product) -> Body:
    return {
        "name": product.option,
        "product_id": product.id,
        "position": 1,
        "values": [variant.title for variant in product.variants],
    }


def _variant_body(shop: Shop, variant: Variant) -> Body:
    return {
        "admin_graphql_api_id": global_id("ProductVariant", variant.id),
        "barcode": None,
        "compare_at_price": None,
        "id": variant.id,
        "inventory_policy": "deny",
        "position": variant.position,
        "price": rest_amount(variant.price),
        "product_id": variant.product_id,
        "sku": variant.sku,
        "taxable": True,
        "title": variant.title,
        "option1": variant.title,
        "created_at": rest_time(variant.created_at, shop.zone),
        "updated_at": rest_time(variant.updated_at, shop.zone),
        "inventory_item_id": variant.inventory_item_id,
        "inventory_quantity": variant.inventory,
        "old_inventory_quantity": variant.inventory,
    }


def customer_delete_body(customer: Customer) -> Body:
    return {
        "id": customer.id,
        "tax_exemptions": [],
        "admin_graphql_api_id": global_id("Customer", customer.id),
    }


def item_body(shop: Shop, variant: Variant) -> Body:
    """Of an inventory item."""
    return {
        "id": variant.inventory_item_id,
        "sku": variant.sku or None,
        "created_at": rest_time(variant.created_at, shop.zone),
        "updated_at": rest_time(variant.updated_at, shop.zone),
        "requires_shipping": True,
        "cost": None,
        "country_code_of_origin": None,
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "tracked": True,
        "country_harmonized_system_codes": [],
        "admin_graphql_api_id": global_id("InventoryItem", variant.inventory_item_id),
    }


def item_delete_body(variant: Variant) -> Body:
    return {
        "id": variant.inventory_item_id,
        "country_code_of_origin": None,
        "province_code_of_origin": None,
        "harmonized_system_code": None,
        "country_harmonized_system_codes": [],
        "admin_graphql_api_id": global_id("InventoryItem", variant.inventory_item_id),
    }


def level_body(shop: Shop, variant: Variant) -> Body:
    level = Level(location_of(shop.facts), variant)
    return {
        "inventory_item_id": variant.inventory_item_id,
        "location_id": level.location.id,
        "available": variant.inventory,
        "updated_at": rest_time(variant.updated_at, shop.zone),
        "admin_graphql_api_id": f"gid://shopify/InventoryLevel/{level.id}",
    }


def collection_body(shop: Shop, collection: Collection) -> Body:
    return {
        "id": collection.id,
        "handle": collection.handle,
        "title": collection.title,
        "updated_at": rest_time(collection.updated_at, shop.zone),
        "body_html": None,
        "published_at": rest_time(collection.created_at, shop.zone),
        "sort_order": "manual",
        "template_suffix": None,
        "published_scope": "web",
        "admin_graphql_api_id": global_id("Collection", collection.id),
    }


def collection_delete_body(collection: Collection) -> Body:
    return {
        "id": collection.id,
        "published_scope": "web",
        "admin_graphql_api_id": global_id("Collection", collection.id),
    }


_SAME_OF_EVERY_SHOP: Body = {
    "source": None,
    "phone": "",
    "province": "Tennessee",
    "province_code": "TN",
    "country_code": "US",
    "country_name": "United States",
    "address1": "190 MacLaren Street",
    "address2": None,
    "zip": "37178",
    "city": "Houston",
    "latitude": None,
    "longitude": None,
    "weight_unit": "kg",
    "auto_configure_tax_inclusivity": None,
    "tax_shipping": None,
    "county_taxes": True,
    "has_discounts": False,
    "has_gift_cards": False,
    "google_apps_domain": None,
    "google_apps_login_enabled": None,
    "eligible_for_payments": True,
    "requires_extra_payments_agreement": False,
    "password_enabled": False,
    "has_storefront": True,
    "finances": True,
    "checkout_api_supported": True,
    "multi_location_enabled": True,
    "setup_required": False,
    "pre_launch_enabled": False,
    "marketing_sms_consent_enabled_at_checkout": False,
    "transactional_sms_disabled": False,
}


def shop_body(shop: Shop) -> Body:
    facts = shop.facts
    plan = PLANS[facts.plan]
    money = f"{{{{amount}}}} {facts.currency}"
    return {
        **_SAME_OF_EVERY_SHOP,
        "id": facts.id,
        "name": facts.name,
        "email": facts.email,
        "domain": facts.domain,
        "country": "US",
        "primary_locale": "en",
        "created_at": rest_time(facts.created_at, shop.zone),
        "updated_at": rest_time(facts.updated_at, shop.zone),
        "currency": facts.currency,
        "iana_timezone": facts.zone,
        "timezone": facts.zone,
        "customer_email": facts.email,
        "money_format": money,
        "money_with_currency_format": money,
        "money_in_emails_format": money,
        "money_with_currency_in_emails_format": money,
        "primary_location_id": None,
        "shop_owner": "Shop Owner",
        "taxes_included": False,
        "plan_display_name": plan.display_name,
        "plan_name": plan.rest_name,
        "myshopify_domain": facts.domain,
        "enabled_presentment_currencies": [facts.currency],
    }
