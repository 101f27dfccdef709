"""Deletions and redactions that Shopify is asked about before they are applied: ADR 0017."""

from alembic import op

revision = "0028"
down_revision = "0027"

_UP = """
SET LOCAL lock_timeout = '5s';

CREATE TABLE store.deletion_checks (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    topic       text NOT NULL,
    object_id   bigint NOT NULL,
    -- Of an inventory level, which has two ids; 0 for all else.
    location_id bigint NOT NULL DEFAULT 0,
    entity      text NOT NULL,
    observed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- How often Shopify still showed the object.
    asked       integer NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    held_at     timestamptz,
    -- What customers/redact asks for, by the id of its receipt.
    requests    jsonb,
    PRIMARY KEY (tenant_id, topic, object_id, location_id),
    CHECK ((topic = 'customers/redact') = (requests IS NOT NULL))
);
CREATE INDEX deletion_checks_due ON store.deletion_checks (tenant_id, due_at);
SELECT store.keep_apart('deletion_checks');
REVOKE SELECT ON store.deletion_checks FROM tillstream_analytics;

-- Whose checks are due and who works on them. As the schedule, it is read before a tenant is known
-- and holds no data of any; the numbers are those of the last turn.
CREATE TABLE store.deletion_turns (
    tenant_id   uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    due_at      timestamptz,
    lease_owner uuid,
    lease_until timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    waiting     bigint NOT NULL DEFAULT 0,
    held        bigint NOT NULL DEFAULT 0
);
CREATE INDEX deletion_turns_due ON store.deletion_turns (due_at) WHERE due_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON store.deletion_turns TO tillstream_ingestor;
"""
_DOWN = """
SET LOCAL lock_timeout = '5s';
DROP TABLE store.deletion_turns;
DROP TABLE store.deletion_checks;
"""


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(script: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
