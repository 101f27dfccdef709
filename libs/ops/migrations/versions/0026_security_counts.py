"""Security events by the hour, counted by each service in its own schema."""

from alembic import op

revision = "0026"
down_revision = "0025"

_OWNERS = {
    "identity": "tillstream_gateway",
    "tenancy": "tillstream_oauth",
    "intake": "tillstream_webhooks",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for schema, role in _OWNERS.items():
        op.execute(f"""
            CREATE TABLE {schema}.security_counts (
                hour  timestamptz NOT NULL,
                event text NOT NULL,
                count bigint NOT NULL,
                PRIMARY KEY (hour, event)
            )""")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.security_counts TO {role}")

    # Keys of `store` begin with the tenant. What is counted here is of all of them together.
    op.execute("""
        CREATE TABLE store.security_counts (
            tenant_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
            hour      timestamptz NOT NULL,
            event     text NOT NULL,
            count     bigint NOT NULL,
            PRIMARY KEY (tenant_id, hour, event)
        )""")
    op.execute(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON store.security_counts TO tillstream_ingestor"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TABLE store.security_counts")
    for schema in _OWNERS:
        op.execute(f"DROP TABLE {schema}.security_counts")
