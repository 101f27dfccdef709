"""Placeholder: gateway: audit log and recovery."""

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
