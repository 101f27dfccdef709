"""Functions look for names in pg_catalog first and among temporary objects last.

PostgreSQL searches a session's temporary tables before anything else unless `pg_temp` stands
somewhere in the path: whoever may call a function of the owner could put tables of their own in
place of the catalogue's.
"""

from alembic import op

revision = "0032"
down_revision = "0031"

_FUNCTIONS = (
    "turn_applied_deliveries()",
    "refuse_rows_without_tenant()",
    "delete_facts_of_tenants()",
    "forget_customers_of_orders()",
    "refuse_parts_without_order()",
    "delete_parts_of_orders()",
    "refuse_orders_without_customer()",
)
"""Those that run as the owner, and those that cascades of them call."""

_TURN_APPLIED_DELIVERIES = """
CREATE OR REPLACE FUNCTION store.turn_applied_deliveries() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, store{temporary} AS $$
DECLARE
    today date := (now() AT TIME ZONE 'UTC')::date;
    which date;
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('store.applied_deliveries', 0));
    FOR which IN SELECT today + n FROM generate_series(-7, 2) AS n LOOP
        partition := 'applied_deliveries_' || to_char(which, 'YYYYMMDD');
        IF to_regclass('store.' || partition) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE store.%I PARTITION OF store.applied_deliveries'
                ' FOR VALUES FROM (%L) TO (%L)',
                partition, which, which + 1);
        END IF;
    END LOOP;
    FOR partition IN
        SELECT c.relname
        FROM {catalogue}pg_inherits i JOIN {catalogue}pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'store.applied_deliveries'::regclass
          AND c.relname < 'applied_deliveries_' || to_char(today - 7, 'YYYYMMDD')
    LOOP
        EXECUTE format('DROP TABLE store.%I', partition);
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(_TURN_APPLIED_DELIVERIES.format(temporary=", pg_temp", catalogue="pg_catalog."))
    for function in _FUNCTIONS:
        op.execute(f"ALTER FUNCTION store.{function} SET search_path = pg_catalog, store, pg_temp")


def downgrade() -> None:
    op.execute(_TURN_APPLIED_DELIVERIES.format(temporary="", catalogue=""))
    for function in _FUNCTIONS:
        op.execute(f"ALTER FUNCTION store.{function} SET search_path = pg_catalog, store")
