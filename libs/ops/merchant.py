"""A merchant's browser without the browser: cookies, the public API and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from libs.ops.errors import OperationError
from libs.ops.routes_from_here import RoutesFromHere

_TRIES = 6
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
_MOST_REDIRECTS = 10


class RefusedError(OperationError):
    """The gateway answered with an error; `error_code` is the one in its body."""

    code = "REFUSED"

    def __init__(self, message: str, *, error_code: str) -> None:
        super().__init__(message)
        self.error_code = error_code


class Merchant:
    """One signed-in (or not yet signed-in) person at one gateway."""

    def __init__(self, gateway: str, routes: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(gateway)
        self._http = httpx.AsyncClient(
            base_url=gateway,
            timeout=30,
            trust_env=False,
            transport=RoutesFromHere(routes) if routes else None,
            # What a browser sends with a form of the page itself.
            headers={"Origin": f"{parts.scheme}://{parts.netloc}", "Accept": "application/json"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    @property
    def cookies(self) -> dict[str, str]:
        """What the gateway has given this person, by name."""
        return {cookie.name: cookie.value or "" for cookie in self._http.cookies.jar}

    async def install(self, shop: str) -> None:
        """Walks the OAuth redirects until the shop is connected and the claim cookie is here."""
        answer = await self._send("GET", "/api/shopify/auth", params={"shop": shop})
        for _ in range(_MOST_REDIRECTS):
            if not answer.is_redirect:
                break
            target = str(answer.next_request.url) if answer.next_request else ""
            if urlsplit(target).path == "/welcome":
                return
            answer = await self._send("GET", target)
        raise OperationError(
            f"connecting {shop} ended at {answer.url.path} ({answer.status_code}) "
            "instead of the welcome page; is the shop one that the simulator serves?"
        )

    async def claim_or_sign_in(self, user: str, password: str) -> None:
        """Becomes the shop's owner, or signs in where it has one."""
        credentials = {"username": user, "password": password}
        claim = await self.get("/api/auth/claim")
        if claim["needsOwner"]:
            try:
                await self._send("POST", "/api/auth/claim", json=credentials)
            except RefusedError as error:
                if error.error_code == "TENANT_ALREADY_OWNED":
                    await self.sign_in(user, password)
                    return
                raise
        else:
            await self.sign_in(user, password)

    async def sign_in(self, user: str, password: str) -> None:
        await self._send("POST", "/api/auth/login", json={"username": user, "password": password})

    async def get(self, path: str, **params: str) -> Any:
        return (await self._send("GET", path, params=params)).json()

    @asynccontextmanager
    async def live(self) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """The events of `/api/live`, as (name, data), from now on."""
        timeout = httpx.Timeout(30, read=60)
        async with self._http.stream("GET", "/api/live", timeout=timeout) as answer:
            if not answer.is_success:
                raise OperationError(f"/api/live answered {answer.status_code}")
            yield _events(answer)

    async def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Again, politely, while the gateway says that trying again can help."""
        pause = _FIRST_PAUSE
        for left in range(_TRIES - 1, -1, -1):
            asked = 0.0
            try:
                answer = await self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                if left == 0:
                    raise OperationError(
                        f"no answer from {self._http.base_url}: is `tillstream up` running?"
                    ) from error
            else:
                if not answer.is_error:
                    return answer
                failure, retryable = _failure(answer)
                if left == 0 or not retryable:
                    raise failure
                asked = _retry_after(answer)
            await asyncio.sleep(max(pause, asked))
            pause *= 2
        raise AssertionError("the last try returns or raises")


def _failure(answer: httpx.Response) -> tuple[RefusedError, bool]:
    """The error in an answer, and whether trying again can help."""
    try:
        error = answer.json()["error"]
        code, message = str(error["code"]), str(error["message"])
        retryable = bool(error["retryable"])
    except (ValueError, KeyError, TypeError):
        code, message = f"HTTP_{answer.status_code}", answer.reason_phrase
        retryable = answer.is_server_error
    return RefusedError(
        f"{answer.request.url.path}: {message} ({code})", error_code=code
    ), retryable


def _retry_after(answer: httpx.Response) -> float:
    """The seconds that the gateway asks to wait; 0 where it does not say."""
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() else 0.0


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name, data = "message", ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            data += value.removeprefix(" ")
        elif not line and data:
            yield name, json.loads(data)
            name, data = "message", ""
