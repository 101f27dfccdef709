"""When the newest whole list of a product's variants was seen: an older one adds none to it."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE store.products ADD COLUMN variants_listed_at timestamptz")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE store.products DROP COLUMN variants_listed_at")
