"""The state of each tenant's circuit breaker towards Shopify, shared by all workers."""

from alembic import op

revision = "0002"
down_revision = "0001"

_VISIBLE = (
    "tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])"
)

# A row while calls fail, none while they work. `retry_at` is set while the circuit is open;
# `probe_id` is the one call that may then be made, and holds that right until `probe_until`.
_TABLE = """
CREATE TABLE store.breakers (
    tenant_id   uuid PRIMARY KEY REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
    failures    integer NOT NULL,
    failed_at   timestamptz NOT NULL DEFAULT now(),
    retry_at    timestamptz,
    probe_id    uuid,
    probe_until timestamptz
)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_TABLE)
    op.execute("ALTER TABLE store.breakers ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE store.breakers FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON store.breakers USING ({_VISIBLE}) WITH CHECK ({_VISIBLE})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON store.breakers TO tillstream_ingestor")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.breakers")
