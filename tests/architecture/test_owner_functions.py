"""What runs with the owner's rights cannot be led astray by whoever calls it."""

import re
from pathlib import Path

import asyncpg
import pytest

from libs.ops.roles import SERVICES, role_name

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ("tenancy", "identity", "intake", "store")

FUNCTIONS = """
SELECT p.oid, n.nspname AS schema, p.proname AS name, p.prosecdef AS as_owner,
       p.prorettype = 'trigger'::regtype AS is_trigger,
       (SELECT split_part(setting, '=', 2) FROM unnest(p.proconfig) AS setting
        WHERE setting LIKE 'search_path=%') AS path
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


@pytest.fixture
async def owner(database):
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


async def test_a_function_of_the_owner_finds_the_catalogue_first_and_temporary_names_last(owner):
    functions = await owner.fetch(FUNCTIONS)
    as_owner = {one["name"] for one in functions if one["as_owner"]}
    assert {"turn_applied_deliveries", "delete_facts_of_tenants"} <= as_owner
    # A trigger may be called by a cascade, and that runs as the owner whatever the function says.
    loose = {
        one["name"]: one["path"]
        for one in functions
        if (one["as_owner"] or one["is_trigger"])
        and one["path"] != f"pg_catalog, {one['schema']}, pg_temp"
    }
    assert loose == {}


async def test_a_function_of_the_owner_is_for_the_services_that_are_named_only(owner):
    for_all = await owner.fetch(
        """
        SELECT p.proname FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))
        WHERE p.prosecdef AND grantee = 0
        """
    )
    assert for_all == []


async def test_temporary_tables_do_not_take_the_catalogues_place_for_the_owner(database, owner):
    connection = await asyncpg.connect(database.url_for("ingestor"))
    try:
        await connection.execute(
            """
            CREATE TEMP TABLE pg_class (oid oid, relname name);
            CREATE TEMP TABLE pg_inherits (inhrelid oid, inhparent oid);
            INSERT INTO pg_class VALUES (1, 'abandoned_checkouts');
            INSERT INTO pg_inherits VALUES (1, 'store.applied_deliveries'::regclass);
            GRANT ALL ON pg_class, pg_inherits TO PUBLIC;
            """
        )
        await connection.execute("SELECT store.turn_applied_deliveries()")
    finally:
        await connection.close()
    assert await owner.fetchval("SELECT to_regclass('store.abandoned_checkouts')") is not None


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "ingestor"])
async def test_no_service_but_the_ingestor_makes_a_temporary_table(database, service):
    connection = await asyncpg.connect(database.url_for(service))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TEMP TABLE mine (one int)")
    finally:
        await connection.close()


async def test_analytics_cannot_list_the_tenants(database, owner):
    """It can read any tenant that it names (ADR 19), but learns no name here."""
    readable = await owner.fetch(
        """
        SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY ($2) AND c.relkind IN ('r', 'p', 'v', 'm')
          AND has_any_column_privilege($1, c.oid, 'SELECT')
        """,
        role_name("analytics"),
        list(SCHEMAS),
    )
    assert readable
    assert [one["name"] for one in readable if not one["forced"]] == []
    connection = await asyncpg.connect(database.url_for("analytics"))
    try:
        for one in readable:
            assert await connection.fetchval(f"SELECT count(*) FROM {one['name']}") == 0
    finally:
        await connection.close()


def test_one_module_says_which_tenants_a_transaction_sees():
    """Row-level security is a net for mistakes: it shows whatever a transaction asks to see."""
    setters = re.compile(r"app\.tenant_ids")
    # Migrations define the policies; benchmarks and the doctor read as the owner.
    left_out = ("libs/ops/migrations/", "libs/ops/bench/", "libs/ops/diagnosis/")
    files = {
        path.relative_to(ROOT).as_posix(): path
        for folder in ("services", "libs")
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    }
    found = {
        name
        for name, path in files.items()
        if not name.startswith(left_out) and setters.search(path.read_text())
    }
    assert found == {"libs/common/database/transaction.py"}
