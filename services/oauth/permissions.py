"""Which service may call each route. Without a row here for each, oauth does not start."""

from collections.abc import Mapping

from libs.common.web.callers import HEALTH, Permit, for_tenant, tenantless

PERMISSIONS: Mapping[str, Permit | None] = {
    **HEALTH,
    "GET /api/shopify/auth": tenantless("gateway"),
    "GET /api/shopify/callback": tenantless("gateway"),
    "GET /api/shopify/recover": tenantless("gateway"),
    "GET /api/shopify/recover/callback": tenantless("gateway"),
    "GET /internal/tenants/{tenant_id}": for_tenant("gateway", "ingestor"),
    "DELETE /internal/tenants/{tenant_id}": for_tenant("gateway"),
    "POST /internal/tenants/{tenant_id}/disconnect": for_tenant("gateway"),
    "POST /internal/tenants/{tenant_id}/token": for_tenant("ingestor"),
    "POST /internal/tenants/{tenant_id}/token/refused": for_tenant("ingestor"),
    "GET /internal/erasures": tenantless("ops"),
    "GET /internal/erasures/{tenant_id}": for_tenant("gateway", "ingestor"),
    "POST /internal/erasures/{tenant_id}": for_tenant("gateway", "ingestor"),
    "POST /internal/erasures/{tenant_id}/cancel": for_tenant("ops"),
    "POST /internal/erasures/{tenant_id}/run": for_tenant("ops"),
    "POST /internal/departures/resume": tenantless("ops"),
    "POST /internal/keys/rotate": tenantless("ops"),
}
