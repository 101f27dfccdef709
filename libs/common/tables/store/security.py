"""Security events by the hour. They are of all tenants together: the id is that of none."""

from sqlalchemy import BigInteger, Column, DateTime, FetchedValue, Table, Text, Uuid

from libs.common.tables.store.schema import metadata

security_counts = Table(
    "security_counts",
    metadata,
    Column("tenant_id", Uuid, primary_key=True, server_default=FetchedValue()),
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("event", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
