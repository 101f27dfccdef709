"""Room for further entities: any of them in a pull, and what each of their tables needs.

A migration that adds one creates its table and calls `store.keep_apart(its name)`.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_UP = """
SET LOCAL lock_timeout = '5s';

ALTER TABLE store.pull_entities
    DROP CONSTRAINT pull_entities_entity_check,
    DROP CONSTRAINT pull_entities_state_check,
    ADD CONSTRAINT pull_entities_state_check CHECK
        (state IN ('waiting', 'exporting', 'importing', 'done', 'failed', 'skipped'));

-- Row-level security and grants, for a table of store whose rows the ingestor writes.
CREATE FUNCTION store.keep_apart(name text) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE own text := $$tenant_id = ANY (
    (SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])$$;
BEGIN
    EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE store.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format(
        'CREATE POLICY tenant ON store.%1$I USING (%2$s) WITH CHECK (%2$s)', name, own);
    EXECUTE format(
        'GRANT SELECT, INSERT, UPDATE, DELETE ON store.%I TO tillstream_ingestor', name);
    EXECUTE format('GRANT SELECT ON store.%I TO tillstream_analytics', name);
END $function$;
REVOKE ALL ON FUNCTION store.keep_apart(text) FROM PUBLIC;
"""
_DOWN = """
SET LOCAL lock_timeout = '5s';
DROP FUNCTION store.keep_apart(text);
ALTER TABLE store.pull_entities NO FORCE ROW LEVEL SECURITY;
DELETE FROM store.pull_entities
    WHERE entity NOT IN ('customers', 'orders', 'products') OR state = 'skipped';
ALTER TABLE store.pull_entities FORCE ROW LEVEL SECURITY;
ALTER TABLE store.pull_entities
    DROP CONSTRAINT pull_entities_state_check,
    ADD CONSTRAINT pull_entities_state_check CHECK
        (state IN ('waiting', 'exporting', 'importing', 'done', 'failed')),
    ADD CONSTRAINT pull_entities_entity_check CHECK
        (entity IN ('customers', 'orders', 'products'));
"""


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(script: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
