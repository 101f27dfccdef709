"""Placeholder: ingestor: deletions that Shopify is asked about."""

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    return


def downgrade() -> None:
    return
