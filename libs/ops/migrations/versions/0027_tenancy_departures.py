"""Leaving: Shopify's shop id, uninstalls and redactions as rows of work, erasures that come due."""

from pathlib import Path

from alembic import op

revision = "0027"
down_revision = "0026"

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    _run("up")


def downgrade() -> None:
    _run("down")


def _run(part: str) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # The driver itself takes a file of many statements; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    script = (_SQL / f"{part}.sql").read_text()
    connection.run_async(lambda driver: driver.execute(script))
