"""How many deliveries of which topics had fields that are not among those Shopify publishes."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.unknown_fields (
            tenant_id  uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            topic      text NOT NULL,
            field      text NOT NULL,
            deliveries bigint NOT NULL,
            first_at   timestamptz NOT NULL,
            last_at    timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, topic, field)
        )""")
    op.execute("SELECT store.keep_apart('unknown_fields')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.unknown_fields")
