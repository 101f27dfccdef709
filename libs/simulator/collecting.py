"""What a merchant does to collections: each action is announced by webhook."""

from functools import partial

import msgspec
from msgspec import UNSET

from libs.common.errors import InvalidInputError
from libs.simulator import requests
from libs.simulator.changes import Changes, found, given_number
from libs.simulator.model import Collection
from libs.simulator.payloads import collection_body, collection_delete_body
from libs.simulator.times import now_seconds


def change_collection(changes: Changes, number: str, wanted: requests.CollectionChange) -> None:
    shop = changes.shop
    collection = found(shop.collections, number, "collection")
    if wanted.title is not UNSET:
        collection = msgspec.structs.replace(collection, title=wanted.title)
    if wanted.product_ids is not UNSET:
        products = tuple(map(given_number, wanted.product_ids))
        if unknown := [each for each in products if each not in shop.products]:
            raise InvalidInputError(f"there is no product {unknown[0]}")
        collection = msgspec.structs.replace(collection, product_ids=products)
    collection = msgspec.structs.replace(collection, updated_at=now_seconds())
    shop.put(collection)
    changes.announce(("collections/update", partial(collection_body, shop, collection)))


def delete_collection(changes: Changes, number: str) -> None:
    """The products in it stay."""
    collection: Collection = found(changes.shop.collections, number, "collection")
    changes.shop.remove(collection)
    changes.announce(("collections/delete", partial(collection_delete_body, collection)))
