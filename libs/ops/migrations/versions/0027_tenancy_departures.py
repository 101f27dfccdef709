"""Placeholder: oauth: shop ids, uninstalls and erasures as rows of work."""

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
