"""Deleted orders are found among themselves, not among all orders of their tenant.

Whether the order of a transaction or fulfillment is gone is asked with each batch of them. While a
table has no statistics, any index that begins with the tenant was as good for that as the key's.
"""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        "CREATE INDEX orders_deleted ON store.orders (tenant_id, id) WHERE deleted_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX store.orders_deleted")
