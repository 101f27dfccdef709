"""Orders and refunds with an impossible date have no business day, and are summed apart.

Counts how many records had no readable value in a field. Days that the rule of `store/days.py` does
not allow are taken back from what is there.
"""

from pathlib import Path

from alembic import op

revision = "0036"
down_revision = "0035"

_SCRIPTS = Path(__file__).with_suffix("")


def upgrade() -> None:
    _run("up.sql")


def downgrade() -> None:
    _run("down.sql")


def _run(name: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    script = (_SCRIPTS / name).read_text()
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
