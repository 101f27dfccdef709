"""The public door for Shopify, in plain ASGI: a framework would cost more than all the rest."""

from collections.abc import Sequence
from uuid import UUID

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.common.errors import NotFoundError, PlatformError, ShopUnknownError, TransientError
from libs.common.ids import new_id
from libs.common.logs import get_logger
from libs.common.messaging.records import NO_TENANT, DeliveryRecord
from libs.common.security_events import SecurityEvent, record_security_event
from libs.common.web.errors import STATUS_BY_CODE, error_body
from libs.common.web.requests import UnexpectedErrors
from libs.common.workers import Workers
from services.webhooks.answers import (
    SAFE_HEADERS,
    answer_empty,
    answer_error,
    answer_json,
    check_declared_length,
    client_request_id,
    read_body,
)
from services.webhooks.deliveries import (
    COMPLIANCE_TOPICS,
    Headers,
    SignatureRefusedError,
    check_body,
    header,
    is_webhook_path,
    read_attributes,
    read_signature,
)
from services.webhooks.directory import ShopDirectory
from services.webhooks.intake import Intake

_BODY_LIMIT = 8 * 1024 * 1024
_LONGEST_LOGGED = 64

log = get_logger()


class FrontDoor:
    """Answers 200 only when the delivery is durable."""

    def __init__(
        self, secrets: Sequence[str], directory: ShopDirectory, intake: Intake, workers: Workers
    ) -> None:
        self._workers = workers
        self._secrets = secrets
        self._directory = directory
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("only HTTP is spoken here")
        headers: Headers = dict(scope["headers"])
        request_id = str(new_id())
        scope["state"]["request_id"] = request_id
        path: str = scope["path"]
        if not is_webhook_path(path):
            await self._answer_other(path, send, request_id)
            return
        if scope["method"] != "POST":
            await _refuse_method(send, request_id)
            return
        try:
            await self._take(headers, path, receive)
        except PlatformError as error:
            _log_refusal(error, headers, request_id, scope)
            await answer_error(send, request_id, error)
        except ClientDisconnect:
            return
        else:
            await answer_empty(send, request_id)

    async def _take(self, headers: Headers, path: str, receive: Receive) -> None:
        """Nothing is read of a body whose head is refused.

        A shop is looked for last: a stranger does not learn which are connected.
        """
        signature = read_signature(headers)
        check_declared_length(headers, _BODY_LIMIT)
        attributes = read_attributes(headers, path)
        body = await read_body(receive, _BODY_LIMIT)
        check_body(body, signature, self._secrets)
        domain = attributes.shop_domain
        try:
            tenant_id = await self._tenant_of(domain)
        except ShopUnknownError:
            if attributes.topic not in COMPLIANCE_TOPICS:
                raise
            # Nothing is held of a shop that is not connected: what is asked is done.
            log.info("compliance_of_unknown_shop", topic=attributes.topic, shop=domain)
            return
        await self._intake.accept(
            DeliveryRecord(
                id=attributes.id,
                source=domain,
                type=attributes.topic,
                time=attributes.triggered_at,
                tenant_id=tenant_id,
                body=body,
                subject=attributes.event_id,
                traceparent=attributes.traceparent,
            )
        )

    async def _tenant_of(self, domain: str) -> UUID:
        """While PostgreSQL is out nobody can say whose a new domain is: who applies it looks."""
        try:
            shop = self._directory.cached(domain) or await self._directory.find(domain)
        except TransientError as error:
            log.info("delivery_taken_without_tenant", shop=domain, code=error.code)
            return NO_TENANT
        return shop.tenant_id

    async def _answer_other(self, path: str, send: Send, request_id: str) -> None:
        if path == "/health/live":
            await answer_json(send, request_id, 200, {"status": "live"})
        elif path == "/health/ready":
            await self._answer_ready(send, request_id)
        else:
            await answer_error(send, request_id, NotFoundError("There is nothing here."))

    async def _answer_ready(self, send: Send, request_id: str) -> None:
        try:
            await self._intake.check_ready()
        except PlatformError as error:
            failures = {"stores": error.code} | self._workers.failing()
            content = {"status": "unready", "failures": failures}
            await answer_json(send, request_id, 503, content)
        else:
            # Told, but not a reason to close the door: deliveries are durable without it.
            content = {"status": "ready", "failures": self._workers.failing()}
            await answer_json(send, request_id, 200, content)


def create_app(
    secrets: Sequence[str],
    directory: ShopDirectory,
    intake: Intake,
    workers: Workers | None = None,
) -> ASGIApp:
    """The door, with the shape of our errors around what nobody foresaw."""
    door = FrontDoor(secrets, directory, intake, workers or Workers())
    return UnexpectedErrors(door, SAFE_HEADERS)


async def _refuse_method(send: Send, request_id: str) -> None:
    code = "METHOD_NOT_ALLOWED"
    content = error_body(code, "Deliveries are sent with POST.", request_id)
    await answer_json(send, request_id, STATUS_BY_CODE[code], content, [(b"allow", b"POST")])


def _log_refusal(error: PlatformError, headers: Headers, request_id: str, scope: Scope) -> None:
    told = {
        "code": error.code,
        "shop": header(headers, b"shop-domain")[:_LONGEST_LOGGED],
        "topic": header(headers, b"topic")[:_LONGEST_LOGGED],
        "request_id": request_id,
        "client_request_id": client_request_id(headers),
    }
    if isinstance(error, SignatureRefusedError):
        peer = scope.get("client")
        address = peer[0] if peer else "unknown"
        # Anybody can send what is not signed, as often as they like.
        can_flood = error.event is SecurityEvent.DELIVERY_UNSIGNED
        record_security_event(
            error.event,
            address=address,
            repeats=f"{address} {error.reason}" if can_flood else None,
            reason=error.reason,
            **told,
        )
    else:
        log.warning("delivery_refused", reason=error.message, **told)
