"""The table of the draft orders."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.draft_orders (
            tenant_id       uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id              bigint NOT NULL,
            name            text,
            status          text,
            customer_id     bigint,
            order_id        bigint,
            currency        text,
            total           numeric,
            subtotal        numeric,
            taxes           numeric,
            created_at      timestamptz,
            invoice_sent_at timestamptz,
            completed_at    timestamptz,
            updated_at      timestamptz NOT NULL,
            observed_at     timestamptz NOT NULL,
            pulled_at       timestamptz,
            deleted_at      timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('draft_orders')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.draft_orders")
