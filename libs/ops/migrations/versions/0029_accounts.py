"""Accounts that can be defended: sessions that can be seen and ended, users that can be disabled.

`credentials_version` grows with every new password: what was signed for an older one is void.
"""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE identity.users
            ADD COLUMN credentials_version integer NOT NULL DEFAULT 1,
            ADD COLUMN disabled_at timestamptz""")
    op.execute("""
        ALTER TABLE identity.sessions
            ADD COLUMN id uuid NOT NULL DEFAULT uuidv7(),
            ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
            ADD COLUMN device text NOT NULL DEFAULT 'Unknown device',
            ADD COLUMN network text NOT NULL DEFAULT 'unknown',
            ADD CONSTRAINT sessions_id UNIQUE (id)""")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        ALTER TABLE identity.sessions
            DROP COLUMN id, DROP COLUMN last_seen_at, DROP COLUMN device, DROP COLUMN network""")
    op.execute("""
        ALTER TABLE identity.users
            DROP COLUMN credentials_version, DROP COLUMN disabled_at""")
