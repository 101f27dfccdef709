"""What Shopify told us."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    FetchedValue,
    Numeric,
    Table,
    Text,
    Uuid,
)

from libs.common.tables.store.schema import metadata

shops = Table(
    "shops",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("shopify_id", BigInteger, nullable=False),
    Column("domain", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("plan", Text),
    Column("taxes_included", Boolean, server_default=FetchedValue(), nullable=False),
    Column("include_test_orders", Boolean, server_default=FetchedValue(), nullable=False),
    Column("history_since", Date),
    Column("served_version", Text),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

versions = Table(
    "versions",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("version", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("changed_at", DateTime(timezone=True), server_default=FetchedValue(), nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("email", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("pulled_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    Column("redacted_at", DateTime(timezone=True)),
)

orders = Table(
    "orders",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("name", Text),
    Column("customer_id", BigInteger),
    Column("processed_at", DateTime(timezone=True)),
    Column("day", Date),
    Column("currency", Text),
    Column("presentment_currency", Text),
    Column("total", Numeric, server_default=FetchedValue(), nullable=False),
    Column("current_total", Numeric),
    Column("presentment_total", Numeric),
    Column("subtotal", Numeric, server_default=FetchedValue(), nullable=False),
    Column("discounts", Numeric, server_default=FetchedValue(), nullable=False),
    Column("taxes", Numeric, server_default=FetchedValue(), nullable=False),
    Column("shipping", Numeric, server_default=FetchedValue(), nullable=False),
    Column("units", BigInteger, server_default=FetchedValue(), nullable=False),
    Column("financial_status", Text),
    Column("fulfillment_status", Text),
    Column("test", Boolean, server_default=FetchedValue(), nullable=False),
    Column("counted", Boolean, server_default=FetchedValue(), nullable=False),
    Column("cancelled_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("pulled_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("order_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("product_id", BigInteger),
    Column("variant_id", BigInteger),
    Column("title", Text, nullable=False),
    Column("sku", Text),
    Column("quantity", BigInteger, nullable=False),
    Column("current_quantity", BigInteger, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("discounts", Numeric, server_default=FetchedValue(), nullable=False),
    Column("currency", Text, nullable=False),
    Column("counted", Boolean, nullable=False),
)

refunds = Table(
    "refunds",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("order_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("day", Date, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("title", Text),
    Column("handle", Text),
    Column("vendor", Text),
    Column("status", Text),
    Column("price", Numeric),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("observed_at", DateTime(timezone=True), nullable=False),
    Column("pulled_at", DateTime(timezone=True)),
    Column("deleted_at", DateTime(timezone=True)),
    Column("variants_listed_at", DateTime(timezone=True)),
)
