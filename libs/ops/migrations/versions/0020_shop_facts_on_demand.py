"""When a shop's facts are to be read again, and which version of its API Shopify served last."""

from alembic import op

revision = "0020"
down_revision = "0019"

_UP = """
SET LOCAL lock_timeout = '5s';
ALTER TABLE store.schedule ADD COLUMN facts_due_at timestamptz;
ALTER TABLE store.shops ADD COLUMN served_version text;
"""
_DOWN = """
SET LOCAL lock_timeout = '5s';
ALTER TABLE store.shops DROP COLUMN served_version;
ALTER TABLE store.schedule DROP COLUMN facts_due_at;
"""


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(script: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
