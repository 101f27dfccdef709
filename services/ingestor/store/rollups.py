"""The rollups: how differences between the images of changed rows are added to them.

Each constant is a common table expression that reads signed images (a new image counts as it
is, an old one negated) and adds their sums in the statement that changed the facts. Rows whose
sums are all zero may stay behind; they mean the same as no row.
"""

from collections.abc import Sequence

from services.ingestor.facts import Entity
from services.ingestor.store.statements import names

DAILY_MEASURES = (
    "orders",
    "units",
    "revenue",
    "gross",
    "discounts",
    "taxes",
    "shipping",
    "refunded",
)
CUSTOMER_MEASURES = ("orders", "units", "revenue")
PRODUCT_MEASURES = ("units", "gross", "discounts")


def _added(
    table: str, keys: Sequence[str], measures: Sequence[str], images: str, where: str = "true"
) -> str:
    """`table` gets the sums of `images` by `keys`, in the order of the keys."""
    sums = ", ".join(f"sum({measure})" for measure in measures)
    zeros = ", ".join("0" for _ in measures)
    raised = ", ".join(f"{measure} = held.{measure} + excluded.{measure}" for measure in measures)
    columns = names((*keys, *measures))
    return "\n".join(
        (
            f"{table} AS (INSERT INTO store.{table} AS held ({columns})",
            f"SELECT {names(keys)}, {sums}",
            f"FROM {images} WHERE {where} GROUP BY {names(keys)}",
            f"HAVING ({sums}) IS DISTINCT FROM ({zeros}) ORDER BY {names(keys)}",
            f"ON CONFLICT ({names(keys)}) DO UPDATE SET {raised})",
        )
    )


_DATED = _added(
    "daily_sales",
    ("tenant_id", "day", "currency"),
    DAILY_MEASURES,
    "daily_images",
    "day IS NOT NULL",
)
_UNDATED = _added(
    "undated_sales", ("tenant_id", "currency"), DAILY_MEASURES, "daily_images", "day IS NULL"
)
DAILY_SALES = f"{_DATED},\n{_UNDATED}"
"""Those without a day too."""
CUSTOMER_SALES = _added(
    "customer_sales",
    ("tenant_id", "customer_id", "currency"),
    CUSTOMER_MEASURES,
    "order_images",
    "customer_id IS NOT NULL",
)
PRODUCT_SALES = _added(
    "product_sales",
    ("tenant_id", "product_id", "currency"),
    PRODUCT_MEASURES,
    "line_images",
    "product_id IS NOT NULL",
)
ENTITY_COUNTS = _added("entity_counts", ("tenant_id", "entity"), ("records",), "count_images")

# From `written`, whose columns are prefixed with old_ and new_, to signed images.
ORDER_IMAGES = """order_images AS (
    SELECT tenant_id, new_day AS day, new_currency AS currency, new_customer_id AS customer_id,
        1 AS orders, new_units AS units, new_total AS revenue,
        new_subtotal + new_discounts AS gross, new_discounts AS discounts,
        new_taxes AS taxes, new_shipping AS shipping, 0::numeric AS refunded
    FROM written WHERE new_counted
    UNION ALL
    SELECT tenant_id, old_day, old_currency, old_customer_id,
        -1, -old_units, -old_total,
        -old_subtotal - old_discounts, -old_discounts, -old_taxes, -old_shipping, 0
    FROM written WHERE old_counted)"""


def count_images(entity: Entity, records: int, where: str) -> str:
    """What ENTITY_COUNTS reads, for rows of `written`."""
    return "\n".join(
        (
            "count_images AS (",
            f"SELECT tenant_id, '{entity}' AS entity, {records} AS records",
            f"FROM written WHERE {where})",
        )
    )


ORDER_COUNT_IMAGES = """count_images AS (
    SELECT tenant_id, 'orders' AS entity, orders AS records FROM order_images)"""

REFUND_IMAGES = """daily_images AS (
    SELECT tenant_id, day, currency, 0 AS orders, 0 AS units, 0 AS revenue, 0 AS gross,
        0 AS discounts, 0 AS taxes, 0 AS shipping, refunded
    FROM refund_images)"""
