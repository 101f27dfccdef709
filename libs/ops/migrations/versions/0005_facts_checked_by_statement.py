"""Facts are checked and removed a statement at a time, no longer a row at a time: ADR 0011."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

_SQL = Path(__file__).with_suffix("")


def upgrade() -> None:
    _run("up")


def downgrade() -> None:
    _run("down")


def _run(part: str) -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    script = (_SQL / f"{part}.sql").read_text()
    # The driver itself takes a file of many statements; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
