"""Deliveries that wait to be tried again where the broker takes none, and why a consumer pauses."""

from alembic import op

revision = "0033"
down_revision = "0032"

_POLICY = """tenant_id = ANY (
    (SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])"""

_UP = (
    # No foreign key: a delivery may be of a tenant that is erased meanwhile.
    """CREATE TABLE store.retries (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    attempt    integer NOT NULL,
    due_at     timestamptz NOT NULL,
    record     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
)""",
    "ALTER TABLE store.retries ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE store.retries FORCE ROW LEVEL SECURITY",
    f"CREATE POLICY tenants ON store.retries USING ({_POLICY}) WITH CHECK ({_POLICY})",
    # Read before a tenant is known.
    """CREATE TABLE store.retry_turns (
    tenant_id uuid PRIMARY KEY,
    due_at    timestamptz NOT NULL
)""",
    "CREATE INDEX retry_turns_due ON store.retry_turns (due_at)",
    # Of all tenants together: its id is that of none.
    """CREATE TABLE store.consumer_pauses (
    tenant_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    consumer  text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    dead      integer NOT NULL,
    records   integer NOT NULL,
    tenants   integer NOT NULL,
    reason    text NOT NULL,
    PRIMARY KEY (tenant_id, consumer)
)""",
    """GRANT SELECT, INSERT, UPDATE, DELETE
    ON store.retries, store.retry_turns, store.consumer_pauses TO tillstream_ingestor""",
)
_DOWN = (
    "DROP TABLE store.consumer_pauses",
    "DROP TABLE store.retry_turns",
    "DROP TABLE store.retries",
)


def upgrade() -> None:
    for statement in _UP:
        op.execute(statement)


def downgrade() -> None:
    for statement in _DOWN:
        op.execute(statement)
