"""Table of the webhooks service: deliveries kept while the broker is out."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    FetchedValue,
    Identity,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)

from libs.common.tables.security_counts import security_counts_table

metadata = MetaData(schema="intake")

security_counts = security_counts_table(metadata)

spool = Table(
    "spool",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("lane", Text, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
    Column("tenant_id", Uuid),
)
