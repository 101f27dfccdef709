"""The ingestor may make temporary tables, into which it copies large batches: ADR 0014."""

from alembic import op

revision = "0021"
down_revision = "0020"

_SQL = """DO $$ BEGIN
    EXECUTE format('%s TEMPORARY ON DATABASE %I %s tillstream_ingestor', '{verb}',
        current_database(), '{preposition}');
END $$"""


def upgrade() -> None:
    # Everybody may, by PostgreSQL's default: this is for databases where that was taken back.
    op.execute(_SQL.format(verb="GRANT", preposition="TO"))


def downgrade() -> None:
    op.execute(_SQL.format(verb="REVOKE", preposition="FROM"))
