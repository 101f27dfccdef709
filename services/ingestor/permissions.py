"""Which service may call each route. Without a row here for each, the ingestor does not start."""

from collections.abc import Mapping

from libs.common.web.callers import HEALTH, Permit, for_tenant, tenantless

PERMISSIONS: Mapping[str, Permit | None] = {
    **HEALTH,
    "GET /api/ingestion/status": for_tenant("gateway"),
    "PATCH /api/ingestion/settings": for_tenant("gateway"),
    "GET /api/ingestion/pulls": for_tenant("gateway"),
    "POST /api/ingestion/pulls": for_tenant("gateway"),
    "GET /api/ingestion/data-requests": for_tenant("gateway"),
    "GET /api/ingestion/data-requests/{request_id}/file": for_tenant("gateway"),
    "GET /internal/schedule": tenantless("ops"),
    "PATCH /internal/schedule": tenantless("ops"),
    "POST /internal/schedule/{tenant_id}/pulls": for_tenant("ops"),
    "POST /internal/audits/{tenant_id}/recompute": for_tenant("ops"),
    "GET /internal/dead-letters": tenantless("ops"),
    "GET /internal/dead-letters/{letter_id}": tenantless("ops"),
    "POST /internal/dead-letters/{letter_id}/retry": tenantless("ops"),
    "POST /internal/dead-letters/{letter_id}/retried": tenantless("ops"),
    "POST /internal/dead-letters/{letter_id}/discard": tenantless("ops"),
    "GET /internal/redactions": tenantless("ops"),
    "POST /internal/redactions/{tenant_id}/{customer_id}": for_tenant("ops"),
}
