"""The gateway's record of tenants that are to be erased, or have been: who may come in no more."""

from alembic import op

revision = "0030"
down_revision = "0029"

# No foreign key to the tenant: the row outlives it, so that a claim of an erased tenant stays void.
_TABLE = """
CREATE TABLE identity.tenant_erasures (
    tenant_id  uuid PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('scheduled', 'running', 'cancelled', 'erased')),
    due_at     timestamptz,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_TABLE)
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON identity.tenant_erasures TO tillstream_gateway"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE identity.tenant_erasures")
