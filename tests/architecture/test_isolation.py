"""Tenants are kept apart, and services in their own schemas, by PostgreSQL itself."""

import asyncpg
import pytest

SERVICES = ("gateway", "oauth", "webhooks", "ingestor", "analytics")
OWN_SCHEMA = {
    "gateway": "identity",
    "oauth": "tenancy",
    "webhooks": "intake",
    "ingestor": "store",
    "analytics": None,
}
WITHOUT_ROW_SECURITY = {
    "consumer_pauses",
    "retry_turns",
    *("schedule", "deletion_turns", "tasks", "dead_letter_tenants", "security_counts"),
}
"""Tables of `store` that are read before a tenant is known; they hold no personal data."""

POLICY = (
    "(tenant_id = ANY (( SELECT (NULLIF(current_setting('app.tenant_ids'::text, true), "
    "''::text))::uuid[] AS \"nullif\")::uuid[]))"
)

TENANT_TABLES = """
SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity
FROM pg_class c
WHERE c.relnamespace = 'store'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


@pytest.fixture
async def owner(database):
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


async def test_every_table_of_the_store_forces_row_level_security(owner):
    tables = await owner.fetch(TENANT_TABLES)
    unprotected = {
        t["relname"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"])
    }
    assert len(tables) > len(WITHOUT_ROW_SECURITY)
    assert unprotected == WITHOUT_ROW_SECURITY


async def test_every_policy_is_the_fast_one_and_checks_writes_too(owner):
    policies = await owner.fetch(
        "SELECT tablename, qual, with_check, cmd FROM pg_policies WHERE schemaname = 'store'"
    )
    tables = {t["relname"] for t in await owner.fetch(TENANT_TABLES)}
    assert {p["tablename"] for p in policies} == tables - WITHOUT_ROW_SECURITY
    assert {(p["qual"], p["with_check"], p["cmd"]) for p in policies} == {(POLICY, POLICY, "ALL")}


async def test_the_tenant_comes_first_in_every_key(owner):
    keys = await owner.fetch(
        """
        SELECT conrelid::regclass::text AS table, conname, contype,
               (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1])
                   AS first
        FROM pg_constraint JOIN pg_class c ON c.oid = conrelid
        WHERE c.relnamespace = 'store'::regnamespace AND contype IN ('p', 'u', 'f')
        """
    )
    indexes = await owner.fetch(
        """
        SELECT indexrelid::regclass::text AS name,
               (SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = indkey[0])
                   AS first
        FROM pg_index JOIN pg_class c ON c.oid = indrelid
        WHERE c.relnamespace = 'store'::regnamespace AND indisunique
        """
    )
    assert {key["first"] for key in keys} == {"tenant_id"}
    assert {index["first"] for index in indexes} == {"tenant_id"}


async def test_no_service_role_can_pass_row_level_security(owner):
    roles = await owner.fetch(
        """
        SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,
               EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS owns
        FROM pg_roles r WHERE rolname = ANY ($1)
        """,
        [f"tillstream_{service}" for service in SERVICES],
    )
    assert len(roles) == len(SERVICES)
    powers = ("rolsuper", "rolbypassrls", "rolcreatedb", "rolcreaterole", "owns")
    assert [(r["rolname"], p) for r in roles for p in powers if r[p]] == []


async def test_partitions_are_reachable_through_their_parent_only(owner):
    grants = await owner.fetch(
        """
        SELECT c.relname FROM pg_class c, unnest($1::text[]) AS role
        WHERE c.relispartition AND c.relkind = 'r'
          AND has_table_privilege(role, c.oid, 'SELECT, INSERT, UPDATE, DELETE')
        """,
        [f"tillstream_{service}" for service in SERVICES],
    )
    assert grants == []


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_can_write_its_own_schema_only(database, owner, service):
    tables = await owner.fetch(
        """
        SELECT n.nspname AS schema, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('tenancy', 'identity', 'intake', 'store') AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition
        """
    )
    connection = await asyncpg.connect(database.url_for(service))
    writable = set()
    for table in tables:
        try:
            await connection.execute(f"DELETE FROM {table['name']} WHERE false")
            writable.add(table["schema"])
        except asyncpg.InsufficientPrivilegeError:
            assert table["schema"] != OWN_SCHEMA[service]
    await connection.close()
    assert writable == ({OWN_SCHEMA[service]} - {None})


async def test_analytics_sees_no_credential_and_no_dead_letter(database):
    connection = await asyncpg.connect(database.url_for("analytics"))
    tables = (
        "tenancy.credentials",
        "identity.users",
        "store.dead_letters",
        "store.deletion_checks",
    )
    for table in tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM {table}")
    await connection.close()
