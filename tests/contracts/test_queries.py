"""Every document we send is valid in Shopify's whole 2026-10 schema, and every bulk query obeys
the rules that Shopify has for those.
"""

from itertools import groupby

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    parse,
    validate,
    visit,
)

from services.ingestor.kinds.documents import export_document
from services.ingestor.kinds.kind import Kind
from services.ingestor.kinds.registry import KINDS
from services.ingestor.shopify import queries
from services.ingestor.shopify.subscriptions import TOPICS
from tests.contracts.shopify_schema import full_schema

MOST_CONNECTIONS = 5
DEEPEST_CONNECTION = 2

_BULK_KINDS = sorted((kind for kind in KINDS.values() if kind.bulk), key=lambda k: k.listed_by)
TOGETHER = [list(kinds) for _, kinds in groupby(_BULK_KINDS, lambda kind: kind.listed_by)]
"""Further entities that have one export."""

EXPORTS = {
    **queries.BULK,
    **{"+".join(each.name for each in kinds): export_document(kinds) for kinds in TOGETHER},
}
DOCUMENTS = [*queries.SINGLE_DOCUMENTS, *EXPORTS.values()]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return full_schema()


class Connections(Visitor):
    """Walks a document and notes each connection: its depth, its fields, what it stands in."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self.types = types
        self.open: list[str] = []
        self.depths: list[int] = []
        self.in_lists: list[str] = []
        self.fields: set[str] = set()
        self.without_id: list[str] = []
        self.lists = 0

    def enter_field(self, node: FieldNode, *_: object) -> None:
        kind = self.types.get_type()
        parent = self.types.get_parent_type()
        if parent is not None and parent.name.endswith("Connection"):
            self.fields.add(node.name.value)
        if self._is_plain_list(kind) and node.name.value != "edges":
            self.lists += 1
        if get_named_type(kind).name.endswith("Connection"):
            self.open.append(node.name.value)
            self.depths.append(len(self.open))
            if self.lists:
                self.in_lists.append(node.name.value)
        if node.name.value == "node" and not self._selects_id(node):
            self.without_id.append(self.open[-1])

    def leave_field(self, node: FieldNode, *_: object) -> None:
        kind = self.types.get_type()
        if self._is_plain_list(kind) and node.name.value != "edges":
            self.lists -= 1
        if get_named_type(kind).name.endswith("Connection"):
            self.open.pop()

    @staticmethod
    def _is_plain_list(kind: object) -> bool:
        return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)

    @staticmethod
    def _selects_id(node: FieldNode) -> bool:
        return any(
            isinstance(field, FieldNode) and field.name.value == "id" and field.alias is None
            for field in node.selection_set.selections
        )


def _connections(schema: GraphQLSchema, document: DocumentNode) -> Connections:
    types = TypeInfo(schema)
    found = Connections(types)
    visit(document, TypeInfoVisitor(types, found))
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda text: " ".join(text.split())[:40])
def test_a_document_is_valid_in_the_whole_schema(schema: GraphQLSchema, document: str):
    assert [error.message for error in validate(schema, parse(document))] == []


@pytest.mark.parametrize("entity", sorted(EXPORTS))
def test_a_bulk_query_obeys_the_rules_for_bulk_queries(schema: GraphQLSchema, entity: str):
    found = _connections(schema, parse(EXPORTS[entity]))
    assert 1 <= len(found.depths) <= MOST_CONNECTIONS
    assert max(found.depths) <= DEEPEST_CONNECTION
    assert found.fields == {"edges"}
    assert found.in_lists == []
    assert found.without_id == []


@pytest.mark.parametrize("kinds", TOGETHER, ids=lambda kinds: kinds[0].root)
def test_at_most_one_of_those_that_have_one_export_has_lines_below_the_roots(kinds: list[Kind]):
    """Or it could not be told whose a line is."""
    assert len([kind for kind in kinds if kind.children]) <= 1


REFUND_LINES = "id refunds { refundLineItems { edges { node { id } } } }"


@pytest.mark.parametrize(
    ("selection", "broken"),
    [
        ("nodes { id }", "fields"),
        (f"edges {{ node {{ {REFUND_LINES} }} }}", "in_lists"),
        ("edges { node { name lineItems { edges { node { id } } } } }", "without_id"),
    ],
)
def test_the_rules_find_a_query_that_breaks_them(
    schema: GraphQLSchema, selection: str, broken: str
):
    found = _connections(schema, parse(f"{{ orders {{ {selection} }} }}"))
    assert getattr(found, broken) not in ([], {"edges"})


def test_every_topic_exists_in_the_schema(schema: GraphQLSchema):
    known = set(schema.type_map["WebhookSubscriptionTopic"].values)
    assert {topic.upper().replace("/", "_") for topic in TOPICS} <= known
