"""The dashboard's types are made from what the services say they answer with."""

from libs.ops import openapi


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
