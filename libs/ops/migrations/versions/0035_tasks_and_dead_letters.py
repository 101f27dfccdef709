"""Long work as rows with a lease, and what an operator needs to list and retry dead letters."""

from alembic import op

revision = "0035"
down_revision = "0034"

_UP = """
SET LOCAL lock_timeout = '5s';

-- Work that takes longer than a message may stay unacknowledged. Claimed before a tenant is known,
-- so it has no row-level security and holds no data of any tenant.
CREATE TABLE store.tasks (
    tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    kind        text NOT NULL CHECK
        (kind IN ('erasure', 'data_request', 'redaction', 'audit', 'recompute')),
    -- Of data requests and redactions the receipt's, else the tenant's.
    id          uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now(),
    lease_owner uuid,
    lease_until timestamptz,
    failures    integer NOT NULL DEFAULT 0,
    -- The code of the last failure.
    error       text,
    PRIMARY KEY (tenant_id, kind, id)
);
CREATE INDEX tasks_due ON store.tasks (kind, due_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON store.tasks TO tillstream_ingestor;

-- A request is written down when it arrives, with what it asks for, and is a receipt when done.
ALTER TABLE store.privacy_requests
    ALTER COLUMN done_at DROP NOT NULL,
    ADD COLUMN asked jsonb,
    ADD CONSTRAINT privacy_requests_done CHECK (done_at IS NULL OR asked IS NULL);

-- What the last comparison of a tenant's totals with its facts found.
CREATE TABLE store.audits (
    tenant_id   uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    audited_at  timestamptz NOT NULL,
    differences bigint NOT NULL,
    examples    text[] NOT NULL
);
SELECT store.keep_apart('audits');
REVOKE SELECT ON store.audits FROM tillstream_analytics;

ALTER TABLE store.dead_letters ADD COLUMN retried_at timestamptz;

-- Whose dead letters there may be. Without it nobody who is bound by row-level security could ask
-- for all of them: a letter may be of a tenant that nobody knows.
CREATE TABLE store.dead_letter_tenants (tenant_id uuid PRIMARY KEY);
GRANT SELECT, INSERT, UPDATE, DELETE ON store.dead_letter_tenants TO tillstream_ingestor;
CREATE FUNCTION store.note_dead_letter_tenants() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, store, pg_temp AS $$
BEGIN
    INSERT INTO store.dead_letter_tenants (tenant_id)
        SELECT DISTINCT tenant_id FROM added ORDER BY tenant_id
        ON CONFLICT (tenant_id) DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER note_tenants AFTER INSERT ON store.dead_letters
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION store.note_dead_letter_tenants();

-- The owner is bound by row-level security too, unless it is not forced.
ALTER TABLE store.dead_letters NO FORCE ROW LEVEL SECURITY;
INSERT INTO store.dead_letter_tenants SELECT DISTINCT tenant_id FROM store.dead_letters;
ALTER TABLE store.dead_letters FORCE ROW LEVEL SECURITY;
"""
_DOWN = """
SET LOCAL lock_timeout = '5s';
ALTER TABLE store.privacy_requests NO FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
    -- The version before works them off within the message, which is long acknowledged.
    IF EXISTS (SELECT FROM store.tasks WHERE kind IN ('erasure', 'data_request', 'redaction'))
        OR EXISTS (SELECT FROM store.privacy_requests WHERE done_at IS NULL) THEN
        RAISE EXCEPTION 'erasures or privacy requests wait in store.tasks: let the ingestor '
            'finish them before going back';
    END IF;
END $$;
ALTER TABLE store.privacy_requests
    DROP CONSTRAINT privacy_requests_done,
    DROP COLUMN asked,
    ALTER COLUMN done_at SET NOT NULL;
ALTER TABLE store.privacy_requests FORCE ROW LEVEL SECURITY;
DROP TRIGGER note_tenants ON store.dead_letters;
DROP FUNCTION store.note_dead_letter_tenants();
DROP TABLE store.dead_letter_tenants;
ALTER TABLE store.dead_letters DROP COLUMN retried_at;
DROP TABLE store.audits;
DROP TABLE store.tasks;
"""


def upgrade() -> None:
    _run(_UP)


def downgrade() -> None:
    _run(_DOWN)


def _run(script: str) -> None:
    # The driver itself takes many statements at once; a prepared statement takes one.
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(script))
