"""The dashboard's types are made from what the services say they answer with."""

import re

from libs.common.web.errors import STATUS_BY_CODE
from libs.ops import openapi
from services.gateway.permissions import PERMISSIONS, Access


def test_the_document_is_what_the_code_says():
    assert openapi.TARGET.read_text() == openapi.as_text(openapi.public_document())


def test_only_public_routes_are_in_it_and_every_failure_has_the_one_shape():
    document = openapi.public_document()

    assert {path for path in document["paths"] if not path.startswith("/api/")} == set()
    for operations in document["paths"].values():
        for operation in operations.values():
            for status in ("4XX", "5XX"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorResponse"}


def test_every_operation_says_whether_it_needs_a_session_and_that_it_is_counted():
    paths = openapi.public_document()["paths"]

    for operations in paths.values():
        for operation in operations.values():
            refused = operation["responses"].get("401", {"description": ""})["description"]
            assert ("AUTH_SESSION_EXPIRED" in refused) is ("security" in operation)
            assert "429" in operation["responses"]
    assert "security" not in paths["/api/auth/login"]["post"]
    assert "security" in paths["/api/tenants/current"]["get"]


def test_every_operation_says_of_its_visitors_what_the_table_of_permissions_says():
    for path, operations in openapi.public_document()["paths"].items():
        for method, operation in operations.items():
            inside = "/api/analytics/{question:path}"
            own = inside if path.startswith("/api/analytics/") else path
            access = PERMISSIONS[f"{method.upper()} {own}"]
            signed_in = access in (Access.MEMBER, Access.OWNER)
            refused = operation["responses"].get("403", {"description": ""})["description"]
            assert ("security" in operation) is signed_in, path
            assert ("`OWNER_REQUIRED`" in refused) is (access is Access.OWNER), path


def test_every_error_that_an_operation_names_is_in_the_catalogue_of_the_document():
    document = openapi.public_document()
    known = {row["code"] for row in document["x-errors"]}

    assert known == set(STATUS_BY_CODE)
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                codes = re.findall(r"`([A-Z]+_[A-Z_]+)`", response["description"])
                assert all(STATUS_BY_CODE[code] == int(status) for code in codes)


def test_the_live_stream_and_the_browser_routes_are_described():
    paths = openapi.public_document()["paths"]

    assert "text/event-stream" in paths["/api/live"]["get"]["responses"]["200"]["content"]
    for path, status in (
        ("/api/shopify/auth", "302"),
        ("/api/shopify/callback", "303"),
        ("/api/shopify/recover", "302"),
        ("/api/shopify/recover/callback", "303"),
    ):
        assert {one["name"] for one in paths[path]["get"]["parameters"]} >= {"shop"}
        assert status in paths[path]["get"]["responses"]
