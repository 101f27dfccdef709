"""The table of the payments of orders."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.order_transactions (
            tenant_id            uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id                   bigint NOT NULL,
            order_id             bigint,
            parent_id            bigint,
            kind                 text,
            status               text,
            gateway              text,
            test                 boolean,
            amount               numeric,
            currency             text,
            presentment_amount   numeric,
            presentment_currency text,
            processed_at         timestamptz,
            created_at           timestamptz,
            updated_at           timestamptz NOT NULL,
            observed_at          timestamptz NOT NULL,
            pulled_at            timestamptz,
            deleted_at           timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute(
        "CREATE INDEX order_transactions_order ON store.order_transactions (tenant_id, order_id)"
    )
    op.execute("SELECT store.keep_apart('order_transactions')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.order_transactions")
