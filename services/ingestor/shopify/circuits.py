"""The state of one tenant's circuit: whether Shopify may be called, and which call is the probe.

Five failures in a row open it for a minute; then exactly one call is let through, the probe, and
its outcome decides. What other calls meet while it is open decides nothing. A success ends the
row of failures that had begun before its call.

The rules stand twice: in PostgreSQL, where all workers of all processes share them, and in
memory, for as long as PostgreSQL is away. Both pass the same tests.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.database.transaction import transaction
from libs.common.errors import DatabaseUnavailableError
from libs.common.ids import new_id

FAILURES_TO_OPEN: Final = 5
OPEN: Final = timedelta(seconds=60)
PROBE_LEASE: Final = timedelta(seconds=60)
_STATEMENT_SECONDS = 5


class View(NamedTuple):
    """A call may be made unless there is `wait_seconds`; with `probe` it is the only one."""

    failures: int
    wait_seconds: float | None = None
    probe: UUID | None = None


class Circuit(Protocol):
    async def ask(self) -> View:
        """May a call be made? A probe is taken by asking: tell its outcome, or its lease ends."""

    async def failed(self, probe: UUID | None) -> View | None:
        """None when the circuit was open and the call was not its probe."""

    async def succeeded(self, probe: UUID | None) -> None: ...

    async def released(self, probe: UUID) -> None:
        """The probe ended without an outcome: another call may be it."""


_ASK = text("""
WITH taken AS (
    UPDATE store.breakers SET probe_id = :probe, probe_until = now() + :lease
    WHERE tenant_id = :tenant_id AND retry_at <= now()
      AND (probe_until IS NULL OR probe_until <= now())
    RETURNING tenant_id
)
SELECT failures, retry_at IS NOT NULL AS is_open, EXISTS (SELECT FROM taken) AS is_probe,
    CAST(extract(epoch FROM greatest(retry_at, probe_until) - clock_timestamp()) AS float)
        AS wait_seconds
FROM store.breakers WHERE tenant_id = :tenant_id
""")

_FAILED = text("""
INSERT INTO store.breakers AS held (tenant_id, failures) VALUES (:tenant_id, 1)
ON CONFLICT (tenant_id) DO UPDATE SET
    failures = held.failures + 1, failed_at = now(), probe_id = NULL, probe_until = NULL,
    retry_at = CASE WHEN held.failures + 1 >= :failures_to_open THEN now() + :open END
WHERE held.retry_at IS NULL OR held.probe_id = :probe
RETURNING failures, retry_at IS NOT NULL AS is_open
""")

_SUCCEEDED = text("""
DELETE FROM store.breakers
WHERE tenant_id = :tenant_id AND (retry_at IS NULL OR probe_id = :probe)
""")

_RELEASED = text("""
UPDATE store.breakers SET probe_id = NULL, probe_until = NULL
WHERE tenant_id = :tenant_id AND probe_id = :probe
""")


class StoredCircuit:
    """Shared through PostgreSQL. Raises DatabaseUnavailableError within five seconds."""

    def __init__(self, engine: AsyncEngine, tenant_id: UUID) -> None:
        self._engine = engine
        self._tenant_id = tenant_id

    async def ask(self) -> View:
        probe = new_id()
        rows = await self._run(_ASK, probe=probe, lease=PROBE_LEASE)
        if not rows or not rows[0].is_open:
            return View(rows[0].failures if rows else 0)
        if rows[0].is_probe:
            return View(rows[0].failures, probe=probe)
        # A probe that was taken in this very moment does not show in the row yet.
        return View(rows[0].failures, wait_seconds=max(1.0, rows[0].wait_seconds))

    async def failed(self, probe: UUID | None) -> View | None:
        limits = {"failures_to_open": FAILURES_TO_OPEN, "open": OPEN}
        rows = await self._run(_FAILED, probe=probe, **limits)
        if not rows:
            return None
        return View(rows[0].failures, OPEN.total_seconds() if rows[0].is_open else None)

    async def succeeded(self, probe: UUID | None) -> None:
        await self._run(_SUCCEEDED, probe=probe)

    async def released(self, probe: UUID) -> None:
        await self._run(_RELEASED, probe=probe)

    async def _run(self, statement: TextClause, **values: Any) -> list[Any]:
        tenant_id = self._tenant_id
        try:
            async with (
                asyncio.timeout(_STATEMENT_SECONDS),
                transaction(self._engine, tenants=[tenant_id]) as tx,
            ):
                result = await tx.execute(statement, {"tenant_id": tenant_id, **values})
                return list(result) if result.returns_rows else []
        except TimeoutError as error:
            raise DatabaseUnavailableError("PostgreSQL does not answer") from error


class LocalCircuit:
    """In this process alone."""

    def __init__(self) -> None:
        self._failures = 0
        self._retry_at: float | None = None
        self._probe: UUID | None = None
        self._probe_until = 0.0

    async def ask(self) -> View:
        if self._retry_at is None:
            return View(self._failures)
        now = asyncio.get_running_loop().time()
        if (ready_at := max(self._retry_at, self._probe_until)) > now:
            return View(self._failures, wait_seconds=max(1.0, ready_at - now))
        self._probe = new_id()
        self._probe_until = now + PROBE_LEASE.total_seconds()
        return View(self._failures, probe=self._probe)

    async def failed(self, probe: UUID | None) -> View | None:
        if self._retry_at is not None and not self._is_probe(probe):
            return None
        self._failures += 1
        self._forget_probe()
        if self._failures < FAILURES_TO_OPEN:
            return View(self._failures)
        self._retry_at = asyncio.get_running_loop().time() + OPEN.total_seconds()
        return View(self._failures, wait_seconds=OPEN.total_seconds())

    async def succeeded(self, probe: UUID | None) -> None:
        if self._retry_at is None or self._is_probe(probe):
            self._failures, self._retry_at = 0, None
            self._forget_probe()

    async def released(self, probe: UUID) -> None:
        if self._is_probe(probe):
            self._forget_probe()

    def _is_probe(self, probe: UUID | None) -> bool:
        return probe is not None and probe == self._probe

    def _forget_probe(self) -> None:
        self._probe, self._probe_until = None, 0.0
