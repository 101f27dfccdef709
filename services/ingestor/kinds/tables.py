"""The tables of the further entities, from their declarations."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Numeric, Table, Text, Uuid
from sqlalchemy.types import TypeEngine

from libs.common.tables.store import metadata
from services.ingestor.facts import Entity
from services.ingestor.kinds.kind import Kind
from services.ingestor.kinds.registry import KINDS

_TYPES: Mapping[str, TypeEngine[Any]] = {
    "bigint": BigInteger(),
    "boolean": Boolean(),
    "numeric": Numeric(),
    "text": Text(),
    "timestamptz": DateTime(timezone=True),
}


def _table(kind: Kind) -> Table:
    moment = _TYPES["timestamptz"]
    return Table(
        kind.name,
        metadata,
        Column("tenant_id", Uuid, primary_key=True),
        *(Column(name, BigInteger, primary_key=True) for name in kind.key),
        *(Column(name, _TYPES[given]) for name, given in kind.data.items()),
        Column("updated_at", moment, nullable=False),
        Column("observed_at", moment, nullable=False),
        Column("pulled_at", moment),
        Column("deleted_at", moment),
    )


TABLES: Mapping[Entity, Table] = MappingProxyType(
    {name: _table(kind) for name, kind in KINDS.items()}
)
