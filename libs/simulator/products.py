"""What a merchant does to products: each action is announced by webhook."""

from functools import partial

import msgspec
from msgspec import UNSET

from libs.simulator import requests
from libs.simulator.changes import Changes, found, given
from libs.simulator.model import Product, Variant
from libs.simulator.payloads import item_body, item_delete_body, level_body, product_body
from libs.simulator.times import now_seconds
from libs.simulator.webhooks import Announcement

_OF_VARIANT = ("price", "sku", "inventory")


def create_product(changes: Changes, wanted: requests.NewProduct) -> Product:
    shop, now = changes.shop, now_seconds()
    number = shop.numbers.next()
    variant = Variant(
        id=shop.numbers.next(),
        product_id=number,
        sku=wanted.sku,
        price=wanted.price,
        created_at=now,
        updated_at=now,
        inventory=wanted.inventory,
    )
    product = Product(
        id=number,
        title=wanted.title,
        variants=(variant,),
        created_at=now,
        updated_at=now,
        vendor=wanted.vendor,
        product_type=wanted.product_type,
        status=wanted.status,
    )
    shop.put(product)
    changes.announce(
        ("products/create", partial(product_body, shop, product)),
        ("inventory_items/create", partial(item_body, shop, variant)),
        ("inventory_levels/connect", partial(level_body, shop, variant)),
    )
    return product


def change_product(changes: Changes, product_id: str, wanted: requests.ProductChange) -> Product:
    shop = changes.shop
    product = _changed_product(found(shop.products, product_id, "product"), wanted)
    shop.put(product)
    first = product.variants[0]
    stock: list[Announcement] = []
    if wanted.sku is not UNSET:
        stock.append(("inventory_items/update", partial(item_body, shop, first)))
    if wanted.inventory is not UNSET:
        stock.append(("inventory_levels/update", partial(level_body, shop, first)))
    changes.announce(("products/update", partial(product_body, shop, product)), *stock)
    return product


def delete_product(changes: Changes, product_id: str) -> None:
    """Lines that sold it stay, without a product."""
    product = found(changes.shop.products, product_id, "product")
    changes.shop.remove(product)
    changes.announce(
        ("products/delete", lambda: {"id": product.id}),
        *(
            ("inventory_items/delete", partial(item_delete_body, variant))
            for variant in product.variants
        ),
    )


def _changed_product(product: Product, wanted: requests.ProductChange) -> Product:
    fields, now = given(wanted), now_seconds()
    of_variant = {name: fields.pop(name) for name in _OF_VARIANT if name in fields}
    first, *others = product.variants
    if of_variant:
        first = msgspec.structs.replace(first, updated_at=now, **of_variant)
    return msgspec.structs.replace(product, updated_at=now, variants=(first, *others), **fields)
