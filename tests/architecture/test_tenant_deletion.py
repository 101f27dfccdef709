"""The net below an erasure: with its row in `tenancy.tenants` everything of a tenant goes, in every
schema, but what is named here.
"""

import re

import asyncpg

KEPT = {
    "identity.tenant_erasures": "tombstone",
    "intake.spool": "dropped by the webhooks service, or relayed and dropped by the ingestor",
    "store.applied_deliveries": "ids of webhooks alone; erased by the ingestor, gone in a week",
    "store.dead_letter_tenants": "erased by the ingestor; a letter may be of nobody",
    "store.consumer_pauses": "of all tenants together: its id is that of none",
    "store.dead_letters": "erased by the ingestor",
    "store.retries": "erased by the ingestor",
    "store.retry_turns": "erased by the ingestor",
    "store.erasures": "tombstone and receipt",
    "store.security_counts": "of all tenants together: its id is that of none",
    "tenancy.erasures": "receipt",
    "tenancy.outbox": "gone when it is published",
}
"""Table to what becomes of its rows."""

BY_TRIGGER = {
    *("store.customers", "store.customer_sales", "store.order_lines"),
    *("store.orders", "store.refunds"),
}
"""Without a foreign key, for speed: a trigger on the tenants deletes their rows (ADR 0011)."""

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, c.oid
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
"""
CASCADES = """
WITH RECURSIVE reached AS (
    SELECT 'tenancy.tenants'::regclass::oid AS oid
    UNION
    SELECT o.conrelid FROM pg_constraint o JOIN reached ON o.confrelid = reached.oid
    WHERE o.contype = 'f' AND o.confdeltype = 'c')
SELECT oid FROM reached
"""


async def test_every_row_of_a_tenant_goes_with_it_in_every_schema(database):
    owner = await asyncpg.connect(database.url)
    function = "SELECT pg_get_functiondef('store.delete_facts_of_tenants'::regproc)"
    deleted = set(re.findall(r"DELETE FROM ([a-z_.]+) ", await owner.fetchval(function)))
    tables = {row["oid"]: row["name"] for row in await owner.fetch(TABLES)}
    reached = {row["oid"] for row in await owner.fetch(CASCADES)}
    await owner.close()

    assert deleted == BY_TRIGGER
    assert {tables[oid] for oid in tables.keys() - reached} == set(KEPT) | BY_TRIGGER
    schemas = {tables[oid].partition(".")[0] for oid in tables.keys() & reached}
    assert schemas == {"identity", "store", "tenancy"}
