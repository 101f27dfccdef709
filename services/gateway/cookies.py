"""The cookies: session, claim, recovery, known device. Https binds their names to this host."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from services.gateway import devices
from services.gateway.sessions import LIFETIME


@dataclass(frozen=True, slots=True)
class Cookies:
    """On a loopback address without https a browser takes neither `Secure` nor `__Host-`."""

    is_https: bool

    @property
    def session(self) -> str:
        return self._named("session")

    @property
    def claim(self) -> str:
        return self._named("claim")

    @property
    def recovery(self) -> str:
        return self._named("recovery")

    @property
    def device(self) -> str:
        return self._named("device")

    def session_of(self, request: Request) -> str | None:
        return request.cookies.get(self.session)

    def claim_of(self, request: Request) -> str | None:
        return request.cookies.get(self.claim)

    def recovery_of(self, request: Request) -> str | None:
        return request.cookies.get(self.recovery)

    def device_of(self, request: Request) -> str | None:
        return request.cookies.get(self.device)

    def set_session(self, response: Response, token: str) -> None:
        self._set(response, self.session, token, LIFETIME)

    def set_device(self, response: Response, token: str) -> None:
        self._set(response, self.device, token, devices.LIFETIME)

    def clear_session(self, response: Response) -> None:
        self._clear(response, self.session)

    def clear_claim(self, response: Response) -> None:
        self._clear(response, self.claim)

    def clear_recovery(self, response: Response) -> None:
        self._clear(response, self.recovery)

    def for_neighbours(self, header: str) -> str:
        """The Cookie header for another service: without the session and device, only ours."""
        return ";".join(_pairs_except(header, {self.session, self.device})).strip()

    def _set(self, response: Response, name: str, value: str, lifetime: timedelta) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lifetime.total_seconds()),
            secure=self.is_https,
            httponly=True,
            samesite="lax",
        )

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self.is_https, httponly=True, samesite="lax")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.is_https else name


def _pairs_except(header: str, names: Set[str]) -> Iterator[str]:
    for pair in header.split(";"):
        if pair.partition("=")[0].strip() not in names:
            yield pair
