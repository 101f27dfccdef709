"""docs/permissions.md shows people the tables that the services enforce."""

from libs.ops import permissions


def test_the_document_is_what_the_tables_say():
    assert permissions.TARGET.read_text() == permissions.document(), "run make permissions"
