"""Pulls, their schedule, and what they prove."""

from sqlalchemy import BigInteger, Column, Date, DateTime, FetchedValue, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables.store.schema import metadata

pulls = Table(
    "pulls",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, server_default=FetchedValue(), nullable=False),
    Column("since", DateTime(timezone=True)),
    Column("before", DateTime(timezone=True)),
    Column("state", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("heartbeat_at", DateTime(timezone=True)),
    Column("records_processed", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("errors", JSONB, server_default=FetchedValue(), nullable=False),
)

pull_entities = Table(
    "pull_entities",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("pull_id", Uuid, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("done", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("expected", BigInteger),
    Column("checkpoint", JSONB, server_default=FetchedValue(), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)

schedule = Table(
    "schedule",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("due_at", DateTime(timezone=True)),
    Column("pull_id", Uuid),
    Column("lease_owner", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("interval_minutes", Integer, server_default=FetchedValue(), nullable=False),
    Column("paused_at", DateTime(timezone=True)),
    Column("facts_due_at", DateTime(timezone=True)),
)

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("ours", BigInteger, nullable=False),
    Column("shopify", BigInteger, nullable=False),
    Column("drift", BigInteger, nullable=False),
    Column("repaired", BigInteger, nullable=False),
    Column("pull_id", Uuid, nullable=False),
    Column("checked_at", DateTime(timezone=True), nullable=False),
)

breakers = Table(
    "breakers",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("failed_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("retry_at", DateTime(timezone=True)),
    Column("probe_id", Uuid),
    Column("probe_until", DateTime(timezone=True)),
)
