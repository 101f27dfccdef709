"""Objects that are made when they are asked for, under those that were changed since.

To the rest of the simulator this is a dictionary; only what must not walk through a million
objects (sorting, counting, exporting) looks at what is special about it.
"""

from collections.abc import Callable, Iterator, MutableMapping, ValuesView
from itertools import chain
from typing import Generic, TypeVar

from libs.simulator import assortment
from libs.simulator.generator import (
    CUSTOMERS_BASE,
    FIRST_ORDER_NUMBER,
    ORDERS_BASE,
    SETTLED_AFTER,
    Generator,
)
from libs.simulator.model import Customer, GeneratedShop, Order, ShopContents

_Entity = TypeVar("_Entity", bound=Order | Customer)


class Generated(MutableMapping[int, _Entity], Generic[_Entity]):
    """Numbers from `base` on, one for each place. `changed` holds what was put since, and None
    for what was removed."""

    def __init__(
        self,
        base: int,
        generator: Generator,
        size: int,
        make: Callable[[int], _Entity],
        join: Callable[[int], int],
        settled_after: int = 0,
    ) -> None:
        """`settled_after` seconds from its creation nothing happens to a row any more, unless it
        is changed."""
        self.base = base
        self.size = size
        self.make = make
        self.settled_after = settled_after
        self.changed: dict[int, _Entity | None] = {}
        self._generator = generator
        self._join = join
        self._length = size

    def copy(self) -> "Generated[_Entity]":
        """As it is now, whatever happens later."""
        taken = Generated(
            self.base, self._generator, self.size, self.make, self._join, self.settled_after
        )
        taken.changed = dict(self.changed)
        taken._length = self._length
        return taken

    def created(self, place: int) -> int:
        """Never falls from one place to the next."""
        return self._generator.moment(self._join(place))

    def first_since(self, moment: int) -> int:
        """The first place that was made at `moment` or later."""
        low, high = 0, self.size
        while low < high:
            middle = (low + high) // 2
            if self.created(middle) < moment:
                low = middle + 1
            else:
                high = middle
        return low

    def updated_between(self, first: int | None, last: int | None) -> range:
        """The places that may have been updated from `first` to `last` as they were made."""
        if first is not None and first >= self._generator.anchor:
            return range(0)
        low = 0 if first is None else self.first_since(first - self.settled_after)
        high = self.size if last is None else self.first_since(last + 1)
        return range(low, max(low, high))

    def untouched(self, places: range) -> Iterator[_Entity]:
        """What is as it was made, among `places`."""
        changed = set(self.changed)
        if not changed:
            return map(self.make, places)
        return (self.make(place) for place in places if self.base + place not in changed)

    def changes(self) -> Iterator[tuple[_Entity | None, _Entity | None]]:
        """What was made and what is there instead, for everything put or removed since."""
        for number, now in self.changed.items():
            yield (self.make(number - self.base) if self.is_place(number) else None), now

    def present(self) -> list[_Entity]:
        """What was put since."""
        return [entity for entity in self.changed.values() if entity is not None]

    def is_place(self, number: int) -> bool:
        return 0 <= number - self.base < self.size

    def __getitem__(self, number: int) -> _Entity:
        if number in self.changed:
            entity = self.changed[number]
            if entity is None:
                raise KeyError(number)
            return entity
        if not self.is_place(number):
            raise KeyError(number)
        return self.make(number - self.base)

    def __setitem__(self, number: int, entity: _Entity) -> None:
        self._length += number not in self
        self.changed[number] = entity

    def __delitem__(self, number: int) -> None:
        if number not in self:
            raise KeyError(number)
        self._length -= 1
        if self.is_place(number):
            self.changed[number] = None
        else:
            del self.changed[number]

    def __contains__(self, number: object) -> bool:
        if number in self.changed:
            return self.changed[number] is not None
        return isinstance(number, int) and 0 <= number - self.base < self.size

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[int]:
        changed = self.changed
        unchanged = (
            number for number in range(self.base, self.base + self.size) if number not in changed
        )
        return chain(unchanged, [entity.id for entity in self.present()])

    def values(self) -> "_Values[_Entity]":
        return _Values(self)


class _Values(ValuesView[_Entity]):
    def __init__(self, entities: Generated[_Entity]) -> None:
        super().__init__(entities)
        self._entities = entities

    def __iter__(self) -> Iterator[_Entity]:
        entities = self._entities
        return chain(entities.untouched(range(entities.size)), entities.present())


def generate(generated: GeneratedShop) -> ShopContents:
    generator = Generator(generated)
    return ShopContents(
        orders=Generated(
            *(ORDERS_BASE, generator, generator.size, generator.order, int),
            settled_after=SETTLED_AFTER,
        ),
        customers=Generated(
            CUSTOMERS_BASE,
            generator,
            generator.customers,
            generator.customer,
            generator.first_order_of,
        ),
        products={product.id: product for product in generator.products},
        collections=assortment.collections(generator.products),
        last_order_number=FIRST_ORDER_NUMBER + generator.size - 1,
        sales=generator.sales,
        began=generator.rhythm.begin,
    )
