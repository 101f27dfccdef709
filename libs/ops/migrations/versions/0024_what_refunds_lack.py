"""Of each refund: whether its amount is still to be read, and when its lines were read.

No index: both are looked for among the refunds of one tenant.
"""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE store.refunds
            ADD COLUMN untold boolean NOT NULL DEFAULT false,
            ADD COLUMN lines_read_at timestamptz""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("ALTER TABLE store.refunds DROP COLUMN untold, DROP COLUMN lines_read_at")
