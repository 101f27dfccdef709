"""The ingestor finds the tenant of a delivery that was taken while PostgreSQL was out.

A domain and its tenant, and the hashes of the domains of erased shops: no more of oauth's tables.
"""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA tenancy TO tillstream_ingestor")
    op.execute("GRANT SELECT (domain, tenant_id) ON tenancy.shop_directory TO tillstream_ingestor")
    op.execute("GRANT SELECT (domain_hash) ON tenancy.erasures TO tillstream_ingestor")


def downgrade() -> None:
    op.execute("REVOKE SELECT (domain_hash) ON tenancy.erasures FROM tillstream_ingestor")
    op.execute(
        "REVOKE SELECT (domain, tenant_id) ON tenancy.shop_directory FROM tillstream_ingestor"
    )
    op.execute("REVOKE USAGE ON SCHEMA tenancy FROM tillstream_ingestor")
