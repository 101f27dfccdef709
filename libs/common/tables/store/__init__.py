"""Tables of the ingestor. Whoever imports this has all of them in `metadata`."""

from libs.common.tables.store.deletions import deletion_checks, deletion_turns
from libs.common.tables.store.deliveries import (
    applied_deliveries,
    consumer_pauses,
    dead_letter_tenants,
    dead_letters,
    erasures,
    privacy_requests,
    retries,
    retry_turns,
    unknown_fields,
    unmapped_topics,
    unreadable_fields,
)
from libs.common.tables.store.facts import (
    customers,
    order_lines,
    orders,
    products,
    refunds,
    shops,
    versions,
)
from libs.common.tables.store.pulling import (
    breakers,
    pull_entities,
    pulls,
    reconciliations,
    schedule,
    watermarks,
)
from libs.common.tables.store.rollups import (
    customer_sales,
    daily_sales,
    entity_counts,
    product_sales,
    undated_sales,
)
from libs.common.tables.store.schema import metadata
from libs.common.tables.store.security import security_counts
from libs.common.tables.store.tasks import audits, tasks

__all__ = [
    "applied_deliveries",
    "audits",
    "breakers",
    "consumer_pauses",
    "customer_sales",
    "customers",
    "daily_sales",
    "dead_letter_tenants",
    "dead_letters",
    "deletion_checks",
    "deletion_turns",
    "entity_counts",
    "erasures",
    "metadata",
    "order_lines",
    "orders",
    "privacy_requests",
    "product_sales",
    "products",
    "pull_entities",
    "pulls",
    "reconciliations",
    "refunds",
    "retries",
    "retry_turns",
    "schedule",
    "security_counts",
    "shops",
    "tasks",
    "undated_sales",
    "unknown_fields",
    "unmapped_topics",
    "unreadable_fields",
    "versions",
    "watermarks",
]
