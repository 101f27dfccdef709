"""Work that is claimed under a lease, and what an audit found."""

from sqlalchemy import BigInteger, Column, DateTime, FetchedValue, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from libs.common.tables.store.schema import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("created_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("due_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("lease_owner", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("failures", Integer, server_default=FetchedValue(), nullable=False),
    Column("error", Text),
)

audits = Table(
    "audits",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("audited_at", DateTime(timezone=True), nullable=False),
    Column("differences", BigInteger, nullable=False),
    Column("examples", ARRAY(Text), nullable=False),
)
