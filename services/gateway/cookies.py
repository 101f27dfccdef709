"""The cookies: session, claim, recovery. Under https their names bind them to this host."""

from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

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

    def session_of(self, request: Request) -> str | None:
        return request.cookies.get(self.session)

    def claim_of(self, request: Request) -> str | None:
        return request.cookies.get(self.claim)

    def recovery_of(self, request: Request) -> str | None:
        return request.cookies.get(self.recovery)

    def set_session(self, response: Response, token: str) -> None:
        response.set_cookie(
            self.session,
            token,
            max_age=int(LIFETIME.total_seconds()),
            secure=self.is_https,
            httponly=True,
            samesite="lax",
        )

    def clear_session(self, response: Response) -> None:
        self._clear(response, self.session)

    def clear_claim(self, response: Response) -> None:
        self._clear(response, self.claim)

    def clear_recovery(self, response: Response) -> None:
        self._clear(response, self.recovery)

    def without_session(self, header: str) -> str:
        """The Cookie header for another service: all but the session, which is only ours."""
        return ";".join(_pairs_except(header, self.session)).strip()

    def _clear(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self.is_https, httponly=True, samesite="lax")

    def _named(self, name: str) -> str:
        return f"__Host-{name}" if self.is_https else name


def _pairs_except(header: str, name: str) -> Iterator[str]:
    for pair in header.split(";"):
        if pair.partition("=")[0].strip() != name:
            yield pair
