"""The table of what came back of orders."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.refund_lines (
            tenant_id    uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            refund_id    bigint NOT NULL,
            line_id      bigint NOT NULL,
            part         bigint NOT NULL,
            order_id     bigint,
            quantity     bigint,
            restock_type text,
            location_id  bigint,
            subtotal     numeric,
            tax          numeric,
            currency     text,
            updated_at   timestamptz NOT NULL,
            observed_at  timestamptz NOT NULL,
            pulled_at    timestamptz,
            deleted_at   timestamptz,
            PRIMARY KEY (tenant_id, refund_id, line_id, part)
        )""")
    op.execute("CREATE INDEX refund_lines_order ON store.refund_lines (tenant_id, order_id)")
    op.execute("SELECT store.keep_apart('refund_lines')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.refund_lines")
