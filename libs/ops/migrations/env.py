"""Runs the migrations on the connection that `libs.ops.migrate` opened and locked."""

from alembic import context
from sqlalchemy import Connection

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection, version_table="schema_history", transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
