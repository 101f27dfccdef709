"""Locations: where a shop keeps its goods. A short list, read whole by every pull."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from libs.common.ids import shopify_id
from services.ingestor.deliveries.bodies import Named
from services.ingestor.facts import Records
from services.ingestor.kinds.kind import Kind, Row, Topic, deletion_topic
from services.ingestor.values import GlobalId, Id, Moment, Text

_NAME = "locations"


class Location(Row, kw_only=True, frozen=True, gc=False):
    id: int
    name: str | None
    country_code: str | None
    active: bool
    created_at: datetime | None


class _Address(Struct, rename="camel"):
    country_code: Text | None = None


class _Node(Struct, rename="camel"):
    id: GlobalId
    name: Text
    is_active: bool
    created_at: Moment
    updated_at: Moment
    address: _Address


class _Body(Named, kw_only=True):
    id: Id
    updated_at: Moment
    name: Text | None = None
    country_code: Text | None = None
    active: bool = True
    created_at: Moment | None = None


def _rows(node: _Node, _children: Sequence[Any]) -> Sequence[Location]:
    return (
        Location(
            id=shopify_id(node.id),
            name=node.name,
            country_code=node.address.country_code,
            active=node.is_active,
            created_at=node.created_at,
            updated_at=node.updated_at,
        ),
    )


def _seen(body: _Body) -> Records:
    row = Location(
        id=body.id,
        name=body.name,
        country_code=body.country_code,
        active=body.active,
        created_at=body.created_at,
        updated_at=body.updated_at,
    )
    return Records(entity=_NAME, rows=(row,))


_SEEN = Topic(body=_Body, fact=_seen)

KIND = Kind(
    name=_NAME,
    scope="read_locations",
    root="locations",
    fields="id name isActive createdAt updatedAt address { countryCode }",
    node=_Node,
    row=Location,
    rows=_rows,
    sort=None,
    search="",
    arguments="includeInactive: true",
    node_type="Location",
    bulk=False,
    topics={
        "locations/create": _SEEN,
        "locations/update": _SEEN,
        "locations/activate": _SEEN,
        "locations/deactivate": _SEEN,
        "locations/delete": deletion_topic(_NAME),
    },
)
