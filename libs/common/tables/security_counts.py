"""Security events by the hour: one table of the same shape in each service's own schema."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Table, Text


def security_counts_table(metadata: MetaData) -> Table:
    return Table(
        "security_counts",
        metadata,
        Column("hour", DateTime(timezone=True), primary_key=True),
        Column("event", Text, primary_key=True),
        Column("count", BigInteger, nullable=False),
    )
