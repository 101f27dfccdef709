"""Placeholder: gateway: tenants whose erasure is scheduled or done."""

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
