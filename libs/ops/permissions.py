"""docs/permissions.md, made from the tables that the services enforce.

`make permissions` writes it; a test fails when the file differs from the code.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from libs.common.web.callers import Permit
from services.analytics.permissions import PERMISSIONS as ANALYTICS
from services.gateway.permissions import PERMISSIONS as GATEWAY
from services.gateway.permissions import Access
from services.ingestor.permissions import PERMISSIONS as INGESTOR
from services.oauth.permissions import PERMISSIONS as OAUTH

TARGET = Path(__file__).resolve().parents[2] / "docs/permissions.md"

_INSIDE: Mapping[str, Mapping[str, Permit | None]] = {
    "oauth": OAUTH,
    "ingestor": INGESTOR,
    "analytics": ANALYTICS,
}
_CALLERS = ("gateway", "ingestor", "ops")
_HEAD = """# Permissions

Made by `make permissions` from the tables `services/*/permissions.py`. These tables decide: before
a route runs, its row is looked up, and a service with a route that has no row does not start. Tests
ask every route below as everybody it names and as everybody it does not.

## The gateway: routes for people

Whose data are shown is decided by the session alone: no route takes a tenant from the request.
Where "yes" is missing, a visitor without a session gets 401 `AUTH_SESSION_EXPIRED`, one without a
claim 404 `CLAIM_NOT_FOUND`, one without a proof 404 `RECOVERY_NOT_FOUND`, and a member who is not
the owner 403 `OWNER_REQUIRED`. A request that changes something (POST, PUT, PATCH, DELETE) must
also come from `PUBLIC_URL` or `CORS_ORIGINS`, else it gets 403 `ORIGIN_REFUSED`. "Claim" is the
browser that has just connected a shop, "proof" one whose user Shopify has confirmed as the store
owner.
"""
_INSIDE_HEAD = """## Inside: routes for other services

A call needs a token that the caller signed for this one request; it is accepted once. "Same" means
that the token must name a tenant, and the one in the path where there is one; "none" that it must
name no tenant. Everybody else gets 401 `CALLER_REFUSED`. `ops` is the operator's key, for the
command `tillstream`. `/health/live` and `/health/ready` are open. The webhooks service has no such
routes: Shopify's signature decides there.
"""
_YES = {True: "yes", False: ""}
_VISITORS: Mapping[Access, tuple[bool, bool, bool, bool, bool]] = {
    Access.PUBLIC: (True, True, True, True, True),
    Access.CLAIM: (False, True, False, False, False),
    Access.PROOF: (False, False, True, False, False),
    Access.MEMBER: (False, False, False, True, True),
    Access.OWNER: (False, False, False, False, True),
}


def document() -> str:
    people = {row: access for row, access in GATEWAY.items() if isinstance(access, Access)}
    of_gateway = {row: one for row, one in GATEWAY.items() if isinstance(one, Permit)}
    return "\n".join(
        [
            _HEAD,
            *_table(
                ("route", "anybody", "claim", "proof", "viewer, analyst, admin", "owner"),
                (
                    (row, *(_YES[may] for may in _VISITORS[one]))
                    for row, one in _merged(people.items())
                ),
            ),
            _INSIDE_HEAD,
            *_service("gateway", of_gateway),
            *(line for name, table in _INSIDE.items() for line in _service(name, table)),
        ]
    )


def _service(name: str, table: Mapping[str, Permit | None]) -> Iterator[str]:
    permits = {row: permit for row, permit in table.items() if permit}
    if permits:
        yield f"### {name}\n"
        yield from _table(
            ("route", *_CALLERS, "tenant"), ((row, *_inside(one)) for row, one in permits.items())
        )


def _inside(permit: Permit) -> Iterator[str]:
    if unknown := permit.callers - set(_CALLERS):
        raise ValueError(f"the table has no column for {sorted(unknown)}")
    for name in _CALLERS:
        yield _YES[name in permit.callers]
    yield "same" if permit.names_tenant else "none"


def _merged(rows: Iterable[tuple[str, Access]]) -> Iterator[tuple[str, Access]]:
    """One row for the methods of one path, where they follow each other and are for the same."""
    for (path, access), group in groupby(rows, lambda one: (one[0].split()[1], one[1])):
        methods = [row.split()[0] for row, _ in group]
        yield (f"{', '.join(methods)} {path}", access)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---"] * len(head))
    for route, *cells in rows:
        yield _line([f"`{route}`", *cells])
    yield ""


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    TARGET.write_text(document())
