"""The table of the inventory items."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.inventory_items (
            tenant_id         uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id                bigint NOT NULL,
            sku               text,
            tracked           boolean,
            requires_shipping boolean,
            unit_cost         numeric,
            currency          text,
            created_at        timestamptz,
            updated_at        timestamptz NOT NULL,
            observed_at       timestamptz NOT NULL,
            pulled_at         timestamptz,
            deleted_at        timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('inventory_items')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.inventory_items")
