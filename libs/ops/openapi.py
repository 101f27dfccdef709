"""The public API in one document, from which the dashboard's client types are generated.

`python -m libs.ops.openapi` writes it; `--check` fails when the file differs from the code. The
same code gives the same bytes.
"""

import argparse
import base64
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from libs.common.database.engine import create_engine
from libs.ops.openapi_refusals import add_refusals, catalogue
from services.analytics.main import create_app as create_analytics
from services.analytics.settings import AnalyticsSettings
from services.gateway.main import create_api as create_gateway
from services.gateway.parts import make_parts
from services.gateway.settings import GatewaySettings
from services.oauth.main import create_app as create_oauth
from services.oauth.settings import OauthSettings

TARGET = Path(__file__).resolve().parents[2] / "services/gateway/dashboard/openapi.json"

_PUBLIC = "/api/"
_DESCRIPTION = (
    "Money is a decimal string, an id is a string, a time is UTC, a day is cut in the shop's zone. "
    "A request that changes something carries the header Origin with the address of Tillstream."
)
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "name": "session",
    "description": "Set by signing in; its name is `__Host-session` under https.",
}
_NO_KEY = base64.b64encode(bytes(32)).decode()
# Enough for the apps to be put together. Nothing connects, and none of it is in the document.
_ENVIRONMENT = {
    "PORT": "0",
    "DATABASE_URL": "postgresql://127.0.0.1/none",
    "AMQP_URL": "amqp://127.0.0.1/",
    "PUBLIC_URL": "http://127.0.0.1",
    "OAUTH_URL": "http://127.0.0.1",
    "INGESTOR_URL": "http://127.0.0.1",
    "ANALYTICS_URL": "http://127.0.0.1",
    "SESSION_SECRET": _NO_KEY,
    "SHOPIFY_API_KEY": "none",
    "SHOPIFY_API_SECRET": "none",
    "ENCRYPTION_KEY": f"none:{_NO_KEY}",
    "CALLER_PRIVATE_KEY": _NO_KEY,
    "CALLER_PUBLIC_KEYS": f"none={_NO_KEY}",
}


class SchemaConflictError(Exception):
    """Two services call different shapes by one name."""


def public_document() -> dict[str, Any]:
    """Paths below `/api/`, and the schemas they use. Raises SchemaConflictError."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for document in (app.openapi() for app in _apps()):
        for path, operations in document["paths"].items():
            if path.startswith(_PUBLIC):
                paths[path] = operations
        for name, schema in document["components"]["schemas"].items():
            if schemas.setdefault(name, schema) != schema:
                raise SchemaConflictError(name)
    add_refusals(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tillstream API",
            "version": version("tillstream"),
            "description": _DESCRIPTION,
        },
        "paths": paths,
        "components": {
            "schemas": _used(schemas, paths),
            "securitySchemes": {"session": _SESSION},
        },
        "x-errors": catalogue(),
    }


def as_text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _apps() -> Iterable[FastAPI]:
    gateway = GatewaySettings.from_environment(_ENVIRONMENT)
    engine = create_engine(gateway.database_url, "openapi")
    yield create_gateway(make_parts(gateway, engine))
    yield create_oauth(OauthSettings.from_environment(_ENVIRONMENT), engine)
    yield create_analytics(AnalyticsSettings.from_environment(_ENVIRONMENT), engine)


def _used(schemas: Mapping[str, Any], paths: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas that `paths` lead to."""
    used: dict[str, Any] = {}
    waiting = list(_references(paths))
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = schemas[name]
            waiting.extend(_references(schemas[name]))
    return used


def _references(node: Any) -> Iterable[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; status 1 if it differs")
    text = as_text(public_document())
    if not parser.parse_args().check:
        TARGET.write_text(text)
    elif not TARGET.is_file() or TARGET.read_text() != text:
        raise SystemExit(f"{TARGET.name} is not what the code says: run python -m libs.ops.openapi")


if __name__ == "__main__":
    main()
