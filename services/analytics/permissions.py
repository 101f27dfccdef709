"""Which service may call each route. Without a row here for each, analytics does not start."""

from collections.abc import Mapping

from libs.common.web.callers import HEALTH, Permit, for_tenant

PERMISSIONS: Mapping[str, Permit | None] = {
    **HEALTH,
    "GET /api/analytics/summary": for_tenant("gateway"),
    "GET /api/analytics/top-customers": for_tenant("gateway"),
    "GET /api/analytics/orders": for_tenant("gateway"),
    "GET /internal/figures/{question}": for_tenant("ops"),
}
