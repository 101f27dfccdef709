"""The table of the collections."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.collections (
            tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id          bigint NOT NULL,
            title       text,
            handle      text,
            updated_at  timestamptz NOT NULL,
            observed_at timestamptz NOT NULL,
            pulled_at   timestamptz,
            deleted_at  timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('collections')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.collections")
