"""Tables of the gateway: accounts, sessions, claims, recoveries, erasures, audit log."""

from sqlalchemy import (
    Column,
    DateTime,
    FetchedValue,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables.security_counts import security_counts_table

metadata = MetaData(schema="identity")

security_counts = security_counts_table(metadata)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, server_default=FetchedValue(), primary_key=True),
    Column("username", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("credentials_version", Integer, server_default=FetchedValue(), nullable=False),
    Column("disabled_at", DateTime(timezone=True)),
)

memberships = Table(
    "memberships",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("shop_domain", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column(
        "notices_seen_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False
    ),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("tenant_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("id", Uuid, server_default=FetchedValue(), nullable=False),
    Column("last_seen_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("device", Text, server_default=FetchedValue(), nullable=False),
    Column("network", Text, server_default=FetchedValue(), nullable=False),
)

redeemed_claims = Table(
    "redeemed_claims",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("redeemed_at", DateTime(timezone=True), nullable=False),
)

redeemed_recoveries = Table(
    "redeemed_recoveries",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("redeemed_at", DateTime(timezone=True), nullable=False),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Uuid, server_default=FetchedValue(), primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("user_id", Uuid),
    Column("action", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("details", JSONB, server_default=FetchedValue(), nullable=False),
)

tenant_erasures = Table(
    "tenant_erasures",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("due_at", DateTime(timezone=True)),
    Column("changed_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)
