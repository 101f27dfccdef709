"""Deliveries that were applied or set aside, and what privacy law asked for."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    DateTime,
    FetchedValue,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables.store.schema import metadata

applied_deliveries = Table(
    "applied_deliveries",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("delivery_id", Text, primary_key=True),
)

unmapped_topics = Table(
    "unmapped_topics",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("deliveries", BigInteger, nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)

unknown_fields = Table(
    "unknown_fields",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("deliveries", BigInteger, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)

unreadable_fields = Table(
    "unreadable_fields",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("records", BigInteger, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("topic", Text),
    Column("delivery_id", Text),
    Column("triggered_at", DateTime(timezone=True)),
    Column("record", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("retried_at", DateTime(timezone=True)),
)

dead_letter_tenants = Table(
    "dead_letter_tenants", metadata, Column("tenant_id", Uuid, primary_key=True)
)

retries = Table(
    "retries",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

retry_turns = Table(
    "retry_turns",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("due_at", DateTime(timezone=True), nullable=False),
)

consumer_pauses = Table(
    "consumer_pauses",
    metadata,
    Column("tenant_id", Uuid, primary_key=True, server_default=FetchedValue()),
    Column("consumer", Text, primary_key=True),
    Column("since", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("seen_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("dead", Integer, nullable=False),
    Column("records", Integer, nullable=False),
    Column("tenants", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("erased_at", DateTime(timezone=True)),
    Column("counts", JSONB, server_default=FetchedValue(), nullable=False),
)

privacy_requests = Table(
    "privacy_requests",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    Column("counts", JSONB, nullable=False),
    Column("file", LargeBinary),
    Column("expires_at", DateTime(timezone=True)),
    Column("asked", JSONB),
)
