"""The table of the abandoned checkouts."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.abandoned_checkouts (
            tenant_id       uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id              bigint NOT NULL,
            customer_id     bigint,
            currency        text,
            total           numeric,
            subtotal        numeric,
            created_at      timestamptz,
            completed_at    timestamptz,
            updated_at      timestamptz NOT NULL,
            observed_at     timestamptz NOT NULL,
            pulled_at       timestamptz,
            deleted_at      timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('abandoned_checkouts')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.abandoned_checkouts")
