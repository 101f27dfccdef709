"""Scheduled pulls, and what they prove: ours beside Shopify's count, per entity and day."""

from alembic import op

revision = "0003"
down_revision = "0002"

_POLICY = (
    "tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])"
)
_UP = f"""
SET LOCAL lock_timeout = '5s';

-- What a pull reads: all, what changed since the last one, or what was created in a range.
ALTER TABLE store.pulls
    ADD COLUMN scope  text NOT NULL DEFAULT 'all' CHECK (scope IN ('all', 'changes', 'range')),
    ADD COLUMN since  timestamptz,
    ADD COLUMN before timestamptz;
CREATE INDEX pulls_newest ON store.pulls (tenant_id, requested_at DESC, id DESC);

ALTER TABLE store.schedule
    ADD COLUMN interval_minutes integer NOT NULL DEFAULT 15
        CHECK (interval_minutes BETWEEN 5 AND 1440),
    ADD COLUMN paused_at timestamptz;

CREATE TABLE store.reconciliations (
    tenant_id  uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    entity     text NOT NULL,
    day        date NOT NULL,
    ours       bigint NOT NULL,
    shopify    bigint NOT NULL,
    drift      bigint NOT NULL,
    repaired   bigint NOT NULL,
    pull_id    uuid NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, entity, day)
);
ALTER TABLE store.reconciliations ENABLE ROW LEVEL SECURITY;
ALTER TABLE store.reconciliations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON store.reconciliations USING ({_POLICY}) WITH CHECK ({_POLICY});
GRANT SELECT, INSERT, UPDATE, DELETE ON store.reconciliations TO tillstream_ingestor;
GRANT SELECT ON store.reconciliations TO tillstream_analytics;
"""
_DOWN = """
SET LOCAL lock_timeout = '5s';
DROP TABLE store.reconciliations;
ALTER TABLE store.schedule DROP COLUMN paused_at, DROP COLUMN interval_minutes;
DROP INDEX store.pulls_newest;
ALTER TABLE store.pulls DROP COLUMN before, DROP COLUMN since, DROP COLUMN scope;
"""


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(script: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
