"""How an entity's history is cut into exports: by creation time, newest first.

So the recent past is in first, and Shopify works on several exports at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from services.ingestor.facts import Entity
from services.ingestor.pulls.state import Slice
from services.ingestor.shopify.graphql import ShopifyClient
from services.ingestor.shopify.shop import count, read_order_span
from services.ingestor.shopify.windows import Window

_WHOLE_UP_TO = 5_000
"""Records that are quicker to have in one export than in several."""

_CELLS = 24
_SLICES = 4
"""With customers, all run at once: Shopify allows five."""

_RECENT_SHARE = 0.1


async def plan_slices(
    client: ShopifyClient, entity: Entity, records: int | None, window: Window
) -> tuple[Slice, ...]:
    """Slices that together are `window`, in which Shopify counts `records`."""
    if entity != "orders" or records is None or records <= _WHOLE_UP_TO:
        return (Slice(window=window),)
    span = await read_order_span(client)
    if span is None:
        return (Slice(window=window),)
    oldest, newest = span
    edges = grid(max(oldest, window.since or oldest), min(newest, window.before or newest))
    counts = [
        await count(client, entity, Window(since, before)) or 0 for since, before in pairwise(edges)
    ]
    bounds = cut(edges, counts)
    # Nothing bounds the ends: an order may be created, or imported with an older date, meanwhile.
    ends = [window.before, *bounds, window.since]
    return tuple(Slice(window=Window(since, before)) for before, since in pairwise(ends))


def grid(oldest: datetime, newest: datetime) -> list[datetime]:
    """Edges of equal cells from the oldest to past the newest, each a whole second."""
    step = (newest + timedelta(seconds=1) - oldest) / _CELLS
    inner = [(oldest + step * number).replace(microsecond=0) for number in range(1, _CELLS)]
    return sorted({oldest, *inner, newest + timedelta(seconds=1)})


def cut(edges: Sequence[datetime], counts: Sequence[int]) -> list[datetime]:
    """Where to cut, newest first: a small slice of the recent past, then equal shares."""
    total = sum(counts)
    recent = total * _RECENT_SHARE
    share = (total - recent) / (_SLICES - 1)
    bounds: list[datetime] = []
    taken, wanted = 0, recent
    for edge, found in zip(reversed(edges[:-1]), reversed(counts), strict=True):
        taken += found
        if taken >= wanted and len(bounds) < _SLICES - 1 and edge != edges[0]:
            bounds.append(edge)
            taken, wanted = 0, share
    return bounds
