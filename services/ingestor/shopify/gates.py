"""What every call to one shop passes, however many clients this process has for it."""

from uuid import UUID
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingestor.shopify.breaker import Breaker
from services.ingestor.shopify.circuits import StoredCircuit
from services.ingestor.shopify.throttle import Bucket


class ShopGate:
    """`points` is the bucket of GraphQL, `calls` that of REST."""

    def __init__(self, breaker: Breaker | None = None) -> None:
        self.breaker = breaker or Breaker()
        self.points = Bucket(default_cost=0)
        self.calls = Bucket(default_cost=1)


class ShopGates:
    """One gate a tenant, for as long as some client uses it; its circuit is shared by all."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._gates: WeakValueDictionary[UUID, ShopGate] = WeakValueDictionary()

    def of(self, tenant_id: UUID) -> ShopGate:
        gate = self._gates.get(tenant_id)
        if gate is None:
            circuit = StoredCircuit(self._engine, tenant_id)
            gate = self._gates[tenant_id] = ShopGate(Breaker(circuit))
        return gate
