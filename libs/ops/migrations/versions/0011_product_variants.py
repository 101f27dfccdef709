"""The table of the variants of the products."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.product_variants (
            tenant_id          uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            id                 bigint NOT NULL,
            product_id         bigint,
            title              text,
            sku                text,
            barcode            text,
            price              numeric,
            compare_at_price   numeric,
            position           bigint,
            inventory_item_id  bigint,
            inventory_quantity bigint,
            created_at         timestamptz,
            updated_at         timestamptz NOT NULL,
            observed_at        timestamptz NOT NULL,
            pulled_at          timestamptz,
            deleted_at         timestamptz,
            PRIMARY KEY (tenant_id, id)
        )""")
    op.execute(
        "CREATE INDEX product_variants_product ON store.product_variants (tenant_id, product_id)"
    )
    op.execute("SELECT store.keep_apart('product_variants')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.product_variants")
