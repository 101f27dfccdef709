"""Does long work go on: erasures, privacy requests and audits, each a row of `store.tasks`?"""

from collections.abc import Sequence
from typing import Final

import asyncpg

from libs.ops.diagnosis.findings import Finding, duration
from libs.ops.diagnosis.tenants import see_all_tenants

_NAME = "tasks"
_TOTALS = "totals"
_MAX_SHOWN = 5
_WORKER_SECONDS: Final = 60

_WORK = """
    SELECT kind, count(*) AS number,
           count(*) FILTER (WHERE lease_until > now()) AS running,
           EXTRACT(epoch FROM now() - min(created_at)) AS seconds,
           coalesce(max(EXTRACT(epoch FROM now() - due_at))
               FILTER (WHERE lease_until IS NULL OR lease_until < now()), 0) AS late
    FROM store.tasks WHERE kind <> 'audit' GROUP BY kind ORDER BY kind"""
_FAILING = """
    SELECT kind, tenant_id, error, failures FROM store.tasks
    WHERE failures > 0 ORDER BY created_at"""
_FAIL = "look for task_postponed in logs/ingestor-pulls.log of the data folder; they are tried on"
_WORKER = "nobody works on them: see logs/ingestor-pulls.log of the data folder"

_AUDITS = """
    SELECT count(*) AS number, EXTRACT(epoch FROM now() - min(audited_at)) AS seconds
    FROM store.audits"""
_DIFFERENT = """
    SELECT tenant_id, differences, examples FROM store.audits
    WHERE differences > 0 ORDER BY differences DESC, tenant_id"""
_RECOMPUTE = "`tillstream tenants recompute TENANT` makes its totals from its facts again"


async def check_tasks(connection: asyncpg.Connection) -> Finding:
    """One that fails is wrong, although it is tried on; so is one that nobody works on."""
    work, failing = await connection.fetch(_WORK), await connection.fetch(_FAILING)
    kinds = [
        f"{row['number']} {row['kind'].replace('_', ' ')} ({row['running']} running, "
        f"the oldest {duration(float(row['seconds']))} old)"
        for row in work
    ]
    seen = ", ".join(kinds) or "none waits"
    if failing:
        return Finding(_NAME, f"{seen}; failing: {_failing(failing)}", _FAIL)
    # Behind others of its kind that are worked on it may wait for long.
    late = any(row["late"] > _WORKER_SECONDS and not row["running"] for row in work)
    return Finding(_NAME, seen, _WORKER if late else "")


def _failing(rows: Sequence[asyncpg.Record]) -> str:
    shown = [
        f"{row['kind']} of {row['tenant_id']} ({row['error']}, {row['failures']} times)"
        for row in rows[:_MAX_SHOWN]
    ]
    more = len(rows) - _MAX_SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


async def check_totals(connection: asyncpg.Connection) -> Finding:
    """What the last audit of each tenant found: totals that are not what the facts say."""
    async with connection.transaction(readonly=True):
        await see_all_tenants(connection)
        [audits] = await connection.fetch(_AUDITS)
        different = await connection.fetch(_DIFFERENT)
    if not audits["number"]:
        return Finding(_TOTALS, "no tenant was audited yet")
    seen = f"of {audits['number']} tenants audited"
    if not different:
        oldest = duration(float(audits["seconds"]))
        return Finding(_TOTALS, f"{seen}, the longest ago {oldest}, all equal their facts")
    shown = [
        f"{row['tenant_id']} ({row['differences']}: {row['examples'][0]})"
        for row in different[:_MAX_SHOWN]
    ]
    more = len(different) - _MAX_SHOWN
    named = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    return Finding(
        _TOTALS, f"{seen}, {len(different)} differ from their facts: {named}", _RECOMPUTE
    )
