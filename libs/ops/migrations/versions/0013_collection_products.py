"""The table of the products that are in collections."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.collection_products (
            tenant_id     uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            collection_id bigint NOT NULL,
            product_id    bigint NOT NULL,
            updated_at    timestamptz NOT NULL,
            observed_at   timestamptz NOT NULL,
            pulled_at     timestamptz,
            deleted_at    timestamptz,
            PRIMARY KEY (tenant_id, collection_id, product_id)
        )""")
    op.execute("""
        CREATE INDEX collection_products_product
            ON store.collection_products (tenant_id, product_id)""")
    op.execute("SELECT store.keep_apart('collection_products')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.collection_products")
