"""A shop whose Admin API fails five times in a row is left alone for a minute, by all workers of
all processes; then exactly one call tries it again. While all is well this costs next to nothing,
and without PostgreSQL each process guards itself.
"""

import asyncio
from contextlib import closing
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from libs.common.database.engine import create_engine
from libs.common.errors import ShopifyCircuitOpenError, ShopifyUnavailableError
from libs.common.ids import new_id
from services.ingestor.shopify.breaker import Breaker
from services.ingestor.shopify.circuits import LocalCircuit, StoredCircuit
from services.ingestor.shopify.gates import ShopGates
from tests.databases import Database
from tests.factories import connected_tenant
from tests.integration.shopify.circuit_machine import CircuitMachine
from tests.unit.ingestor.leaping_time import LeapingLoop

STEPS = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
_EARLIER = """
UPDATE store.breakers SET retry_at = retry_at - make_interval(secs => $2),
    probe_until = probe_until - make_interval(secs => $2)
WHERE tenant_id = $1
"""


class Processes:
    """Three workers, each with an engine of its own; time passes by moving the stored times."""

    def __init__(self, database: Database) -> None:
        self._runner = asyncio.Runner()
        self.run = self._runner.run
        url = SecretStr(database.url_for("ingestor"))
        self._engines = [create_engine(url, f"worker-{number}") for number in range(3)]
        self._owner = self.run(asyncpg.connect(database.url))

    def begin(self) -> "Processes":
        """Of a fresh tenant."""
        self.tenant_id = self.run(connected_tenant(self._owner))
        seen = "SELECT set_config('app.tenant_ids', $1, false)"
        self.run(self._owner.execute(seen, f"{{{self.tenant_id}}}"))
        circuits = [StoredCircuit(engine, self.tenant_id) for engine in self._engines]
        self.breakers = [Breaker(circuit, believe_seconds=0) for circuit in circuits]
        return self

    def pass_time(self, seconds: int) -> None:
        self.run(self._owner.execute(_EARLIER, self.tenant_id, seconds))

    def stored(self) -> tuple[int, bool]:
        query = "SELECT failures, retry_at IS NOT NULL FROM store.breakers WHERE tenant_id = $1"
        row = self.run(self._owner.fetchrow(query, self.tenant_id))
        return (0, False) if row is None else tuple(row)

    def close(self) -> None:
        for engine in self._engines:
            self.run(engine.dispose())
        self.run(self._owner.close())
        self._runner.close()


class OneProcess:
    """Three callers of one breaker that has no PostgreSQL."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=LeapingLoop)
        self.run = self._runner.run

    def begin(self) -> "OneProcess":
        self.breakers = [Breaker()] * 3
        return self

    def pass_time(self, seconds: int) -> None:
        self.run(asyncio.sleep(seconds))

    def stored(self) -> None:
        return None

    def close(self) -> None:
        self._runner.close()


def test_workers_of_several_processes_keep_to_one_circuit(database: Database):
    with closing(Processes(database)) as workers:
        run_state_machine_as_test(lambda: CircuitMachine(workers.begin()), settings=STEPS)


def test_a_process_without_postgresql_keeps_to_the_same_rules():
    with closing(OneProcess()) as workers:
        run_state_machine_as_test(lambda: CircuitMachine(workers.begin()), settings=STEPS)


@pytest.mark.parametrize("kind", ["stored", "local"])
async def test_what_calls_from_before_the_opening_meet_decides_nothing(
    engine: AsyncEngine, tenant_id: UUID, kind: str
):
    circuit = StoredCircuit(engine, tenant_id) if kind == "stored" else LocalCircuit()
    for _ in range(5):
        assert await circuit.failed(None) is not None
    assert await circuit.failed(None) is None
    await circuit.succeeded(None)
    view = await circuit.ask()
    assert view.failures == 5
    assert 50 < (view.wait_seconds or 0) <= 60


async def _succeed() -> str:
    return "answer"


async def _fail() -> str:
    raise ShopifyUnavailableError("away")


async def _open(breaker: Breaker) -> None:
    for _ in range(5):
        with pytest.raises(ShopifyUnavailableError):
            await breaker.call(_fail)


async def test_while_all_is_well_postgresql_is_asked_once_and_nothing_is_written(
    engine: AsyncEngine, tenant_id: UUID
):
    statements: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    breaker = Breaker(StoredCircuit(engine, tenant_id))
    for _ in range(500):
        assert await breaker.call(_succeed) == "answer"
    asked = [each for each in statements if "store.breakers" in each]
    assert len(asked) <= 2
    assert not any("INSERT" in each or "DELETE" in each for each in asked)


async def test_a_worker_that_believed_in_a_closed_circuit_hears_of_the_open_one_by_its_failure(
    engine: AsyncEngine, tenant_id: UUID
):
    believing = Breaker(StoredCircuit(engine, tenant_id), believe_seconds=3600)
    await believing.call(_succeed)
    await _open(Breaker(StoredCircuit(engine, tenant_id)))
    with pytest.raises(ShopifyUnavailableError):
        await believing.call(_fail)
    with pytest.raises(ShopifyCircuitOpenError):
        await believing.call(_succeed)


async def test_a_tenant_has_one_gate_for_as_long_as_it_is_used(
    engine: AsyncEngine, tenant_id: UUID
):
    gates = ShopGates(engine)
    gate = gates.of(tenant_id)
    assert gates.of(tenant_id) is gate
    assert gates.of(new_id()) is not gate


async def test_one_tenants_circuit_is_no_other_tenants(engine: AsyncEngine, tenant_id: UUID):
    await _open(Breaker(StoredCircuit(engine, tenant_id)))
    other = Breaker(StoredCircuit(engine, new_id()))
    assert await other.call(_succeed) == "answer"


async def test_opening_and_closing_are_told(
    owner: asyncpg.Connection, engine: AsyncEngine, tenant_id: UUID
):
    breaker = Breaker(StoredCircuit(engine, tenant_id))
    with capture_logs() as logs:
        await _open(breaker)
        with pytest.raises(ShopifyCircuitOpenError) as caught:
            await breaker.call(_succeed)
        await owner.execute(_EARLIER, tenant_id, 60)
        await breaker.call(_succeed)
    assert 55 < (caught.value.retry_after_seconds or 0) <= 60
    assert [each["event"] for each in logs] == ["shopify_circuit_opened", "shopify_circuit_closed"]


async def test_without_postgresql_a_process_opens_its_own_circuit():
    nowhere = create_engine(SecretStr("postgresql://ingestor@127.0.0.1:9/none"), "tests")
    breaker = Breaker(StoredCircuit(nowhere, new_id()))
    assert await breaker.call(_succeed) == "answer"
    await _open(breaker)
    with pytest.raises(ShopifyCircuitOpenError):
        await breaker.call(_succeed)
    await nowhere.dispose()


async def test_failures_of_a_tenant_that_is_gone_are_no_fault(engine: AsyncEngine):
    breaker = Breaker(StoredCircuit(engine, new_id()))
    await _open(breaker)
    with pytest.raises(ShopifyCircuitOpenError):
        await breaker.call(_succeed)
