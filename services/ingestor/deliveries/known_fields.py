"""Which fields the body of a delivery has at Shopify, and which of one nobody has heard of.

Known are the top-level fields that Shopify publishes for the topic, and those that our readers
read. The published names are in `known_fields.txt`: `make known-fields` writes it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from services.ingestor.deliveries.bodies import Named
from services.ingestor.deliveries.composing import composed
from services.ingestor.json_text import plain, read_leniently
from services.ingestor.salvage import salvage

MOST_NAMES: Final = 50
"""So many unknown fields of a topic are kept by name for a tenant."""

OTHERS: Final = "*"
"""In place of a name that is not kept."""

_LONGEST: Final = 64
_NAME: Final = re.compile(r"[A-Za-z](?:[A-Za-z_]|[0-9]{1,2}(?![0-9]))*\??")
"""No address, telephone number, id or full name of a person has this form."""

_LISTING: Final = Path(__file__).with_name("known_fields.txt")
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_listing(text: str) -> Mapping[str, Collection[str]]:
    """Topic to the names of its fields: paragraphs `topic topic ...: field field ...`."""
    listing: dict[str, Collection[str]] = {}
    for paragraph in text.split("\n\n")[1:]:
        topics, _, names = paragraph.partition(":")
        listing.update(dict.fromkeys(topics.split(), frozenset(names.split())))
    return listing


def published_fields() -> Mapping[str, Collection[str]]:
    """The listing that is installed with this module."""
    return read_listing(_LISTING.read_text())


class SalvagedBody(NamedTuple):
    """A body, and what to call its unknown fields; see `Salvaged` for the rest."""

    body: Any
    unknown: frozenset[str]
    unreadable: frozenset[str]
    whole: bool


class BodyReader:
    """Reads the bodies of one topic, for all who read something of it, in one pass.

    A struct with every known field, which takes no other, tells at once that there is no other,
    for little more than it costs to skip what nobody reads.
    """

    def __init__(
        self,
        shapes: Sequence[type[Named]],
        published: Collection[str],
        elsewhere: Collection[str] = (),
    ) -> None:
        """`elsewhere` are the fields of all topics. Where a single shape forbids unknown fields,
        as that of a deletion does, a body with a field of another topic is refused: nobody signs
        the topic, so an order could else be sent again as the deletion of it.
        """
        closed = len(shapes) == 1 and shapes[0].__struct_config__.forbid_unknown_fields
        self._closed = closed
        whole = shapes[0] if len(shapes) == 1 and not closed else composed(shapes)
        self._known = frozenset(whole.__struct_encode_fields__).union(published)
        self._foreign = frozenset(elsewhere) - self._known if closed else frozenset()
        self._whole = msgspec.json.Decoder(whole)
        self._exact = msgspec.json.Decoder(composed(shapes, sorted(self._known)))

    def read(self, body: bytes) -> tuple[Any, frozenset[str]]:
        """The body, and what to call its unknown fields. Raises msgspec's errors."""
        try:
            return self._exact.decode(body), frozenset()
        except msgspec.ValidationError:
            # For a field that is not known, or for a wrong one: then it is refused here.
            found = self._whole.decode(body)
            unknown = _FIELDS.decode(body).keys() - self._known
            if not unknown.isdisjoint(self._foreign):
                raise
            return found, named(unknown)

    def salvage(self, body: bytes, observed_at: datetime) -> SalvagedBody:
        """What is left of a body that `read` refuses. Raises msgspec's errors and SalvageError.

        Of a body that forbids unknown fields nothing is made up: it is read as strictly.
        """
        if self._closed:
            return SalvagedBody(*self.read(plain(body)), frozenset(), whole=True)
        tree = read_leniently(body)
        left = salvage(tree, self._whole.type, observed_at)
        return SalvagedBody(
            msgspec.convert(left.value, self._whole.type),
            named(tree.keys() - self._known),
            left.unreadable,
            left.whole,
        )


def named(unknown: Collection[str]) -> frozenset[str]:
    """The first names, as far as they have the form of one; `OTHERS` for any that is left."""
    shown = sorted(filter(_is_name, unknown))[:MOST_NAMES]
    return frozenset(shown if len(shown) == len(unknown) else [*shown, OTHERS])


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST and _NAME.fullmatch(text) is not None
