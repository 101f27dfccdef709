"""Tables of the ingestor: facts, rollups, pulls, dead letters. tenant_id is first in every key."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    FetchedValue,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="store")

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
)

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

applied_deliveries = Table(
    "applied_deliveries",
    metadata,
    Column("tenant_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("delivery_id", Text, primary_key=True),
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
    Column("done_at", DateTime(timezone=True), nullable=False),
    Column("counts", JSONB, nullable=False),
    Column("file", LargeBinary),
    Column("expires_at", DateTime(timezone=True)),
)

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
