"""The table of what was sent of orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.fulfillments (
            tenant_id       uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id              bigint NOT NULL,
            order_id        bigint,
            name            text,
            status          text,
            shipment_status text,
            location_id     bigint,
            quantity        bigint,
            in_transit_at   timestamptz,
            delivered_at    timestamptz,
            created_at      timestamptz,
            updated_at      timestamptz NOT NULL,
            observed_at     timestamptz NOT NULL,
            pulled_at       timestamptz,
            deleted_at      timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("CREATE INDEX fulfillments_order ON store.fulfillments (tenant_id, order_id)")
    op.execute("SELECT store.keep_apart('fulfillments')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.fulfillments")
