"""What every call to one shop passes, however many clients this process has for it."""

from uuid import UUID
from weakref import WeakValueDictionary

from services.ingestor.shopify.throttle import Bucket


class ShopGate:
    """`points` is the bucket of GraphQL, `calls` that of REST."""

    def __init__(self) -> None:
        self.points = Bucket(default_cost=0)
        self.calls = Bucket(default_cost=1)


class ShopGates:
    """One gate a tenant, for as long as some client uses it."""

    def __init__(self) -> None:
        self._gates: WeakValueDictionary[UUID, ShopGate] = WeakValueDictionary()

    def of(self, tenant_id: UUID) -> ShopGate:
        gate = self._gates.get(tenant_id)
        if gate is None:
            gate = self._gates[tenant_id] = ShopGate()
        return gate
