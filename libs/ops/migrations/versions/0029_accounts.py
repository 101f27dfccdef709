"""Placeholder: gateway: accounts and sessions."""

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
