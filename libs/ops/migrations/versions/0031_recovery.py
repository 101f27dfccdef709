"""Recovery of an account by the shop itself: what a state is for, used proofs, the audit log."""

from alembic import op

revision = "0031"
down_revision = "0030"

_UP = (
    # The old version of oauth, which may still run, asks for installs alone.
    """ALTER TABLE tenancy.install_states
        ADD COLUMN purpose text NOT NULL DEFAULT 'install'
        CHECK (purpose IN ('install', 'recovery'))""",
    """CREATE TABLE identity.redeemed_recoveries (
        id          uuid PRIMARY KEY,
        tenant_id   uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
        redeemed_at timestamptz NOT NULL
    )""",
    # Without a key to the user: an entry outlives who made it.
    """CREATE TABLE identity.audit_log (
        id        uuid PRIMARY KEY DEFAULT uuidv7(),
        tenant_id uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
        user_id   uuid,
        action    text NOT NULL,
        at        timestamptz NOT NULL,
        details   jsonb NOT NULL DEFAULT '{}'
    )""",
    "CREATE INDEX audit_log_of_tenant ON identity.audit_log (tenant_id, at DESC, id DESC)",
    """ALTER TABLE identity.memberships
        ADD COLUMN notices_seen_at timestamptz NOT NULL DEFAULT now()""",
    """GRANT SELECT, INSERT, DELETE ON identity.redeemed_recoveries, identity.audit_log
        TO tillstream_gateway""",
)
_DOWN = (
    "ALTER TABLE identity.memberships DROP COLUMN notices_seen_at",
    "DROP TABLE identity.audit_log",
    "DROP TABLE identity.redeemed_recoveries",
    "ALTER TABLE tenancy.install_states DROP COLUMN purpose",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # A state of a recovery must not become one of an install.
    op.execute("DELETE FROM tenancy.install_states WHERE purpose <> 'install'")
    for statement in _DOWN:
        op.execute(statement)
