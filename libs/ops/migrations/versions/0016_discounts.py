"""The table of the discounts."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.discounts (
            tenant_id       uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id              bigint NOT NULL,
            title           text,
            status          text,
            by_code         boolean,
            created_at      timestamptz,
            starts_at       timestamptz,
            ends_at         timestamptz,
            updated_at      timestamptz NOT NULL,
            observed_at     timestamptz NOT NULL,
            pulled_at       timestamptz,
            deleted_at      timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('discounts')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.discounts")
