"""Calls from one service to another: signed, bounded in time, with typed errors back."""

import ssl
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import structlog

from libs.common.errors import PlatformError, ServiceUnavailableError
from libs.common.identity import Call, TokenSigner
from libs.common.web.requests import REQUEST_ID_HEADER

_TIMEOUT = httpx.Timeout(15, connect=2)
_SAFE_METHODS = {"GET", "HEAD"}
_CLOSED = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What the first use of a kept connection shows that the other side has closed meanwhile."""


class CallerAuth(httpx.Auth):
    """Signs a request as it is about to be sent: its method, target and body."""

    requires_request_body = True

    def __init__(
        self,
        signer: TokenSigner,
        audience: str,
        *,
        tenant_id: UUID | None = None,
        user_id: UUID | None = None,
    ) -> None:
        self._signer = signer
        self._audience = audience
        self._tenant_id = tenant_id
        self._user_id = user_id

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        path, _, query = request.url.raw_path.partition(b"?")
        call = Call.of(request.method, path, query, request.content)
        token = self._signer.caller_token(
            self._audience, call, tenant_id=self._tenant_id, user_id=self._user_id
        )
        request.headers["Authorization"] = f"Bearer {token}"
        yield request


class ServiceClient:
    """Asks one other service, as the service that `signer` signs for.

    Its certificate must come from an authority in `ca_file`, or from a public one without it.
    """

    def __init__(
        self, name: str, base_url: str, signer: TokenSigner, ca_file: Path | None = None
    ) -> None:
        self._name = name
        self._signer = signer
        trust = ssl.create_default_context(cafile=str(ca_file)) if ca_file else True
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=_TIMEOUT, trust_env=False, verify=trust
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        *,
        tenant_id: UUID | None = None,
        user_id: UUID | None = None,
        params: Mapping[str, str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> httpx.Response:
        """The answer as it is, whatever its status. Raises ServiceUnavailableError."""
        auth = CallerAuth(self._signer, self._name, tenant_id=tenant_id, user_id=user_id)
        context = structlog.contextvars.get_contextvars()
        own = dict(headers or {})
        if request_id := context.get("request_id"):
            own[REQUEST_ID_HEADER] = request_id
        url = f"{path}?{params}" if isinstance(params, str) and params else path
        query = params if isinstance(params, Mapping) else None
        request = partial(
            self._http.request, method, url, params=query, headers=own, json=json, auth=auth
        )
        try:
            return await (_at_most_twice(request) if method in _SAFE_METHODS else request())
        except httpx.TransportError as error:
            raise ServiceUnavailableError(
                f"The {self._name} service does not answer.", service=self._name
            ) from error

    async def ask(
        self, method: str, path: str, *, tenant_id: UUID | None = None, json: Any = None
    ) -> Any:
        """The JSON of a 2xx answer, None of an empty one; raises the error that another names."""
        response = await self.send(method, path, tenant_id=tenant_id, json=json)
        if response.is_success:
            return response.json() if response.content else None
        raise error_from_answer(self._name, response)


async def _at_most_twice(request: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Signed anew for the second time: a token is good for one request."""
    try:
        return await request()
    except _CLOSED:
        return await request()


def error_from_answer(service: str, response: httpx.Response) -> PlatformError:
    """The typed error that another service's answer tells of."""
    try:
        error = response.json()["error"]
        kind, message = _ERROR_BY_CODE[error["code"]], str(error["message"])
    except (ValueError, KeyError, TypeError):
        return ServiceUnavailableError(
            f"The {service} service failed.", service=service, status=response.status_code
        )
    return kind(message)


def _errors(kind: type[PlatformError]) -> dict[str, type[PlatformError]]:
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        found = _errors(child) | found
    return found


_ERROR_BY_CODE = _errors(PlatformError)
