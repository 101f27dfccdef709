"""The tables in the code are the tables in the migrated database, column by column."""

import asyncpg
import pytest
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql

from libs.common.tables import identity, intake, store, tenancy
from services.ingestor.kinds import tables  # noqa: F401 - adds to those of store

COLUMNS = """
SELECT c.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS required
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
"""
SPELLING = {"timestamp with time zone": "TIMESTAMP WITH TIME ZONE"}


def _in_code(metadata: MetaData) -> set[tuple[str, str, str, bool]]:
    dialect = postgresql.dialect()
    return {
        (table.name, column.name, column.type.compile(dialect).upper(), not column.nullable)
        for table in metadata.tables.values()
        for column in table.columns
    }


@pytest.mark.parametrize("module", [tenancy, identity, intake, store], ids=lambda m: m.__name__)
async def test_tables_in_code_match_the_database(database, module):
    connection = await asyncpg.connect(database.url)
    rows = await connection.fetch(COLUMNS, module.metadata.schema)
    await connection.close()
    stored = {(r["table"], r["name"], r["type"].upper(), r["required"]) for r in rows}
    assert stored == _in_code(module.metadata)
