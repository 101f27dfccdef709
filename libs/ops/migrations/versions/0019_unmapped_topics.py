"""How many deliveries of which topics came that carry nothing for us."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("""
        CREATE TABLE store.unmapped_topics (
            tenant_id  uuid NOT NULL REFERENCES tenancy.tenants (id) ON DELETE CASCADE,
            topic      text NOT NULL,
            deliveries bigint NOT NULL,
            last_at    timestamptz NOT NULL,
            PRIMARY KEY (tenant_id, topic)
        )""")
    op.execute("SELECT store.keep_apart('unmapped_topics')")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.unmapped_topics")
