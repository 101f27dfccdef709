"""Placeholder: functions of the owner and temporary tables."""

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
