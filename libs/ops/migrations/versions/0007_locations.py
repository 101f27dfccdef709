"""The table of the locations. An example: see CONTRIBUTING.md, "Adding an entity"."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.locations (
            tenant_id    uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id           bigint NOT NULL,
            name         text,
            country_code text,
            active       boolean,
            created_at   timestamptz,
            updated_at   timestamptz NOT NULL,
            observed_at  timestamptz NOT NULL,
            pulled_at    timestamptz,
            deleted_at   timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute("SELECT store.keep_apart('locations')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.locations")
