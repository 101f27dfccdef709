"""Every shop of one simulator, loaded from its file and brought up to date by the journal."""

import gc
import sys
from collections.abc import Callable
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from libs.common.errors import InvalidInputError, NotFoundError
from libs.simulator import cdnow
from libs.simulator.bulk import BulkRunner
from libs.simulator.changes import Changes
from libs.simulator.compliance import Compliance
from libs.simulator.context import Address, Context
from libs.simulator.files import read_file
from libs.simulator.generated import generate
from libs.simulator.journal import Journal
from libs.simulator.model import GeneratedShop, ShopContents, ShopFacts
from libs.simulator.numbers import Sequence, stable_number
from libs.simulator.pages import Listings
from libs.simulator.settings import Settings
from libs.simulator.shops import Shop
from libs.simulator.times import now_seconds
from libs.simulator.traffic import LiveOrders
from libs.simulator.webhooks import WebhookSender

_GENERATED = "generated"
_OBJECTS_BETWEEN_LOOKS = 100_000
"""For the garbage collector: an export makes rows by the million and none in a circle."""


class ShopHandle(Struct, frozen=True):
    """A shop and what acts on it."""

    shop: Shop
    changes: Changes
    traffic: LiveOrders
    sender: WebhookSender
    listings: Listings
    bulk: BulkRunner
    compliance: Compliance

    def context(self, scopes: frozenset[str], address: Address, api_version: str) -> Context:
        return Context(self.shop, scopes, address, api_version, self.listings, self.bulk)


class World:
    def __init__(self, handles: dict[str, ShopHandle], bulk: BulkRunner) -> None:
        self.handles = handles
        self.bulk = bulk

    def handle(self, domain: str) -> ShopHandle:
        handle = self.handles.get(domain)
        if handle is None:
            raise NotFoundError(f"the simulator serves no shop {domain}")
        return handle

    def operating_shop(self, operation: int) -> Shop | None:
        """The shop whose bulk operation this is."""
        shops = (handle.shop for handle in self.handles.values())
        return next((shop for shop in shops if shop.operations.get(operation)), None)


def load_shops(settings: Settings, journal: Journal) -> list[Shop]:
    """Raises InvalidInputError when a file cannot be right."""
    shops: list[Shop] = []
    numbers = Sequence()
    if settings.cdnow is not None:
        path = settings.cdnow
        shops.append(
            _shop(
                cdnow.DOMAIN,
                cdnow.CURRENCY,
                cdnow.ZONE,
                lambda: cdnow.read_cdnow(path),
                journal,
                numbers,
            )
        )
    for file_shop in settings.file_shops:
        zone, path = ZoneInfo(file_shop.zone), file_shop.path
        shops.append(
            _shop(
                file_shop.domain,
                file_shop.currency,
                file_shop.zone,
                lambda path=path, zone=zone: read_file(path, zone),  # type: ignore[misc]
                journal,
                numbers,
            )
        )
    if (made := settings.generated) is not None:
        shops.append(
            _shop(made.domain, made.currency, made.zone, lambda: generate(made), journal, numbers)
        )
    _replay(shops, journal, made)
    for shop in shops:
        shop.operations.fail_interrupted(now_seconds())
    return shops


def _replay(shops: list[Shop], journal: Journal, made: GeneratedShop | None) -> None:
    by_domain = {shop.domain: shop for shop in shops}
    if len(by_domain) < len(shops):
        raise InvalidInputError("two shops have the same domain: give each its own")
    known = None
    for record in journal.replay():
        if record.kind == _GENERATED:
            known = msgspec.convert(record.value, GeneratedShop)
        elif record.shop in by_domain:
            by_domain[record.shop].replay(record)
    if made is None or known == made:
        return
    if known is not None:
        raise InvalidInputError(
            f"this data folder belongs to {known.domain} with seed {known.seed} and size "
            f"{known.size}: give the same, or another folder"
        )
    journal.write(made.domain, _GENERATED, "", made)


def _shop(
    domain: str,
    currency: str,
    zone: str,
    read: Callable[[], ShopContents],
    journal: Journal,
    numbers: Sequence,
) -> Shop:
    gc.disable()
    contents = read()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS)
    gc.enable()
    name = domain.removesuffix(".myshopify.com")
    first = now_seconds() if contents.began is None else contents.began
    facts = ShopFacts(
        id=stable_number("Shop", domain),
        domain=domain,
        name=name.replace("-", " ").title() if name != "cdnow" else "CDNOW",
        currency=currency,
        zone=zone,
        created_at=first,
        updated_at=first,
    )
    print(f"{domain}: {len(contents.orders)} orders", file=sys.stderr, flush=True)
    return Shop(facts, contents, journal, numbers)


def open_world(settings: Settings, shops: list[Shop], sender: WebhookSender) -> World:
    bulk = BulkRunner(settings.data_dir / "bulk", sender)
    handles = {}
    for shop in shops:
        changes = Changes(shop, sender)
        handles[shop.domain] = ShopHandle(
            shop=shop,
            changes=changes,
            traffic=LiveOrders(changes),
            sender=sender,
            listings=Listings(),
            bulk=bulk,
            compliance=Compliance(shop, sender),
        )
    return World(handles, bulk)
