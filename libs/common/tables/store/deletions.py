"""Deletions that Shopify is asked about, and whose turn it is."""

from sqlalchemy import BigInteger, Column, DateTime, FetchedValue, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables.store.schema import metadata

deletion_checks = Table(
    "deletion_checks",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("object_id", BigInteger, primary_key=True),
    Column("location_id", BigInteger, primary_key=True, server_default=FetchedValue()),
    Column("entity", Text, nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("asked", Integer, server_default=FetchedValue(), nullable=False),
    Column("due_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("held_at", DateTime(timezone=True)),
    Column("requests", JSONB),
)

deletion_turns = Table(
    "deletion_turns",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("due_at", DateTime(timezone=True)),
    Column("lease_owner", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("failures", Integer, server_default=FetchedValue(), nullable=False),
    Column("waiting", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("held", BigInteger, server_default=FetchedValue(), nullable=False),
)
