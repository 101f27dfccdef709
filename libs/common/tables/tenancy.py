"""Tables of oauth: tenants, shop directory, credentials, install states, outbox, departures."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    FetchedValue,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.tables.security_counts import security_counts_table

metadata = MetaData(schema="tenancy")

security_counts = security_counts_table(metadata)

tenants = Table(
    "tenants",
    metadata,
    Column("id", Uuid, server_default=FetchedValue(), primary_key=True),
    Column("connected_at", DateTime(timezone=True), nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("uninstalled_at", DateTime(timezone=True)),
)

shop_directory = Table(
    "shop_directory",
    metadata,
    Column("domain", Text, primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("shop_id", BigInteger),
)

credentials = Table(
    "credentials",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("access_token_ciphertext", LargeBinary, nullable=False),
    Column("access_expires_at", DateTime(timezone=True)),
    Column("refresh_token_ciphertext", LargeBinary),
    Column("refresh_expires_at", DateTime(timezone=True)),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("installed_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

install_states = Table(
    "install_states",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("domain", Text, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("tenant_id", Uuid, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

erasures = Table(
    "erasures",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("domain_hash", LargeBinary, nullable=False),
    Column("cause", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("erased", JSONB, server_default=FetchedValue(), nullable=False),
    Column("done_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("begun_at", DateTime(timezone=True)),
)

departures = Table(
    "departures",
    metadata,
    Column("id", Uuid, server_default=FetchedValue(), primary_key=True),
    Column("tenant_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("webhook_id", Text, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("state", Text, server_default=FetchedValue(), nullable=False),
    Column("ask_at", DateTime(timezone=True), nullable=False),
    Column("asked_at", DateTime(timezone=True)),
    Column("works", Integer, server_default=FetchedValue(), nullable=False),
    Column("undecided", Integer, server_default=FetchedValue(), nullable=False),
    Column("disconnected", Boolean, server_default=FetchedValue(), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
)

departure_brake = Table(
    "departure_brake",
    metadata,
    Column("id", Integer, server_default=FetchedValue(), primary_key=True),
    Column("stopped_at", DateTime(timezone=True)),
    Column("resumed_at", DateTime(timezone=True)),
)
