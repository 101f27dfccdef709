"""The schemas, tables, grants and row-level security that everything else stands on."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).with_suffix("")
_PARTS = ("tenancy", "identity", "intake", "store", "rollups", "isolation", "grants")


def upgrade() -> None:
    _run(*_PARTS)


def downgrade() -> None:
    _run("down")


def _run(*parts: str) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # The driver itself takes a file of many statements; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    for part in parts:
        script = (_SQL / f"{part}.sql").read_text()
        connection.run_async(lambda driver, script=script: driver.execute(script))
