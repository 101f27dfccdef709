"""The table of the inventory levels."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.inventory_levels (
            tenant_id         uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            inventory_item_id bigint NOT NULL,
            location_id       bigint NOT NULL,
            available         bigint,
            updated_at        timestamptz NOT NULL,
            observed_at       timestamptz NOT NULL,
            pulled_at         timestamptz,
            deleted_at        timestamptz,
            PRIMARY KEY (tenant_id, inventory_item_id, location_id)
        )""")
    op.execute(
        "CREATE INDEX inventory_levels_location ON store.inventory_levels (tenant_id, location_id)"
    )
    op.execute("SELECT store.keep_apart('inventory_levels')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.inventory_levels")
