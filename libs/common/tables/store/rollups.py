"""Totals, which change with the facts they are of: in the same transaction."""

from sqlalchemy import BigInteger, Column, Date, FetchedValue, Numeric, Table, Text, Uuid

from libs.common.tables.store.schema import metadata

daily_sales = Table(
    "daily_sales",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("orders", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("units", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("revenue", Numeric, server_default=FetchedValue(), nullable=False),
    Column("gross", Numeric, server_default=FetchedValue(), nullable=False),
    Column("discounts", Numeric, server_default=FetchedValue(), nullable=False),
    Column("taxes", Numeric, server_default=FetchedValue(), nullable=False),
    Column("shipping", Numeric, server_default=FetchedValue(), nullable=False),
    Column("refunded", Numeric, server_default=FetchedValue(), nullable=False),
)

undated_sales = Table(
    "undated_sales",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("orders", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("units", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("revenue", Numeric, server_default=FetchedValue(), nullable=False),
    Column("gross", Numeric, server_default=FetchedValue(), nullable=False),
    Column("discounts", Numeric, server_default=FetchedValue(), nullable=False),
    Column("taxes", Numeric, server_default=FetchedValue(), nullable=False),
    Column("shipping", Numeric, server_default=FetchedValue(), nullable=False),
    Column("refunded", Numeric, server_default=FetchedValue(), nullable=False),
)

customer_sales = Table(
    "customer_sales",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("customer_id", BigInteger, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("orders", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("units", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("revenue", Numeric, server_default=FetchedValue(), nullable=False),
)

product_sales = Table(
    "product_sales",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("product_id", BigInteger, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("units", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("gross", Numeric, server_default=FetchedValue(), nullable=False),
    Column("discounts", Numeric, server_default=FetchedValue(), nullable=False),
)

entity_counts = Table(
    "entity_counts",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("records", BigInteger, server_default=FetchedValue(), nullable=False),
)
