"""Where a shop's goods are: one location, with a level for every variant."""

from collections.abc import Iterable

from msgspec import Struct

from libs.simulator.field_kinds import NO, NOTHING, YES, Constant, Fields, Id, Same, Time, ids
from libs.simulator.model import ShopFacts, Variant


class Location(Struct, frozen=True):
    id: int
    name: str
    created_at: int


class Level(Struct, frozen=True):
    location: Location
    item: Variant

    @property
    def id(self) -> str:
        return f"{self.location.id}?inventory_item_id={self.item.inventory_item_id}"


class Quantity(Struct, frozen=True):
    level: Level
    name: str

    @property
    def id(self) -> str:
        return f"{self.level.id}&name={self.name}"

    @property
    def quantity(self) -> int:
        """What is not promised to anybody is all there is."""
        return self.level.item.inventory if self.name in {"available", "on_hand"} else 0


def location_of(facts: ShopFacts) -> Location:
    return Location(facts.id, "Shop location", facts.created_at)


def quantities(level: Level, names: Iterable[str]) -> list[Quantity]:
    return [Quantity(level, name) for name in names]


STOCK: dict[str, Fields] = {
    "Location": {
        **ids("Location"),
        "name": Same("name"),
        "createdAt": Time("created_at"),
        "updatedAt": Time("created_at"),
        "isActive": YES,
        "fulfillsOnlineOrders": YES,
        "shipsInventory": YES,
        "hasActiveInventory": YES,
        "address": lambda _, location: location,
    },
    "LocationAddress": {
        "city": NOTHING,
        "country": Constant("United States"),
        "countryCode": Constant("US"),
    },
    "InventoryItem": {
        **ids("InventoryItem", "inventory_item_id"),
        "sku": lambda _, variant: variant.sku or None,
        "tracked": YES,
        "requiresShipping": YES,
        "createdAt": Time("created_at"),
        "updatedAt": Time("updated_at"),
        "unitCost": NOTHING,
        "measurement": lambda _, variant: variant,
    },
    "InventoryItemMeasurement": {
        "id": Id("InventoryItemMeasurement", "inventory_item_id"),
        "weight": lambda _, variant: variant,
    },
    "Weight": {"unit": Constant("KILOGRAMS"), "value": Constant(0.0)},
    "InventoryLevel": {
        "id": Id("InventoryLevel"),
        "isActive": YES,
        "canDeactivate": NO,
        "createdAt": Time("item.created_at"),
        "updatedAt": Time("item.updated_at"),
        "item": Same("item"),
        "location": Same("location"),
    },
    "InventoryQuantity": {
        "id": Id("InventoryQuantity"),
        "name": Same("name"),
        "quantity": Same("quantity"),
        "updatedAt": Time("level.item.updated_at"),
    },
}
