"""The discounts of a shop: the same few in every shop, dated from its beginning."""

from decimal import Decimal

from msgspec import Struct

from libs.simulator.field_kinds import NO, NOTHING, Constant, Fields, Id, Same, Time
from libs.simulator.model import ShopFacts
from libs.simulator.times import now_seconds

_DAY = 86_400
_BASE = 2_290_000_000_000_000_000
_OFFERS = (
    ("Welcome", "WELCOME10", Decimal("0.1"), 0, None),
    ("Spring sale / 5 % off", "SPRING5", Decimal("0.05"), 90, 30),
    ("Loyal customers", "LOYAL20", Decimal("0.2"), 200, None),
    ("Autumn days", None, Decimal("0.15"), 300, 14),
)
"""Title, code (none: automatic), share, and the days from the start to its begin and for which
it lasts."""


class Offer(Struct, frozen=True):
    id: int
    title: str
    code: str | None
    percentage: Decimal
    starts_at: int
    ends_at: int | None

    @property
    def type_name(self) -> str:
        return "DiscountAutomaticBasic" if self.code is None else "DiscountCodeBasic"

    @property
    def status(self) -> str:
        now = now_seconds()
        if now < self.starts_at:
            return "SCHEDULED"
        return "EXPIRED" if self.ends_at is not None and self.ends_at <= now else "ACTIVE"

    @property
    def summary(self) -> str:
        return f"{int(self.percentage * 100)}% off entire order"


class RedeemCode(Struct, frozen=True):
    id: int
    code: str


def offers_of(facts: ShopFacts) -> list[Offer]:
    found = []
    for place, (title, code, percentage, begins, lasts) in enumerate(_OFFERS):
        starts_at = facts.created_at + begins * _DAY
        ends_at = None if lasts is None else starts_at + lasts * _DAY
        found.append(Offer(_BASE + place, title, code, percentage, starts_at, ends_at))
    return found


def codes_of(offer: Offer) -> list[RedeemCode]:
    return [] if offer.code is None else [RedeemCode(offer.id, offer.code)]


_ANY: Fields = {
    "title": Same("title"),
    "status": Same("status"),
    "startsAt": Time("starts_at"),
    "endsAt": Time("ends_at"),
    "createdAt": Time("starts_at"),
    "updatedAt": Time("starts_at"),
}
_BASIC: Fields = {**_ANY, "summary": Same("summary"), "asyncUsageCount": Constant(0)}
_OTHERS = (
    *("DiscountAutomaticApp", "DiscountAutomaticBxgy", "DiscountAutomaticFreeShipping"),
    *("DiscountCodeApp", "DiscountCodeBxgy", "DiscountCodeFreeShipping"),
)
"""Types that no shop of ours has, but that a query may name."""

OFFERS: dict[str, Fields] = {
    "DiscountNode": {"id": Id("DiscountNode"), "discount": lambda _, offer: offer},
    "DiscountCodeNode": {"id": Id("DiscountCodeNode"), "codeDiscount": lambda _, offer: offer},
    "DiscountCodeBasic": {**_BASIC, "usageLimit": NOTHING, "appliesOncePerCustomer": NO},
    "DiscountAutomaticBasic": _BASIC,
    **dict.fromkeys(_OTHERS, _ANY),
    "DiscountRedeemCode": {
        "id": Id("DiscountRedeemCode"),
        "code": Same("code"),
        "asyncUsageCount": Constant(0),
    },
}
