"""What the simulator answers is a true part of Shopify's Admin API 2026-10: every type, field,
argument, enum value and nullability is Shopify's own. And it answers all that our clients ask."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    parse,
    print_ast,
    validate,
)

from libs.simulator.bulk_query import read_bulk_query
from libs.simulator.schema import admin_schema
from services.ingestor.shopify import queries
from tests.contracts.shopify_schema import full_schema


def differences(part: GraphQLSchema, whole: GraphQLSchema) -> list[str]:
    """What `part` has and `whole` has not, or has otherwise."""
    found: list[str] = []
    for name, ours in part.type_map.items():
        theirs = whole.type_map.get(name)
        if name.startswith("__"):
            continue
        if theirs is None or type(theirs) is not type(ours):
            found.append(f"{name}: no such {type(ours).__name__}")
        else:
            found += _type_differences(ours, theirs)
    return found


def _type_differences(ours: GraphQLNamedType, theirs: GraphQLNamedType) -> Iterator[str]:
    if isinstance(ours, GraphQLScalarType):
        return
    if isinstance(ours, GraphQLEnumType):
        assert isinstance(theirs, GraphQLEnumType)
        for value in set(ours.values) - set(theirs.values):
            yield f"{ours.name}.{value}: no such value"
        return
    if isinstance(ours, GraphQLUnionType):
        yield from _member_differences(ours, theirs)
        return
    if isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        yield from _interface_differences(ours, theirs)
    yield from _field_differences(ours, theirs)


def _member_differences(ours: GraphQLUnionType, theirs: GraphQLNamedType) -> Iterator[str]:
    assert isinstance(theirs, GraphQLUnionType)
    members = {member.name for member in theirs.types}
    for member in ours.types:
        if member.name not in members:
            yield f"{ours.name}: {member.name} is no member"


def _interface_differences(
    ours: GraphQLObjectType | GraphQLInterfaceType, theirs: GraphQLNamedType
) -> Iterator[str]:
    assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
    known = {interface.name for interface in theirs.interfaces}
    for interface in ours.interfaces:
        if interface.name not in known:
            yield f"{ours.name}: does not implement {interface.name}"


def _field_differences(ours: GraphQLNamedType, theirs: GraphQLNamedType) -> Iterator[str]:
    kinds = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
    assert isinstance(ours, kinds)
    assert isinstance(theirs, kinds)
    for name, field in ours.fields.items():
        other = theirs.fields.get(name)
        if other is None or str(other.type) != str(field.type):
            yield f"{ours.name}.{name}: {field.type}, there {other and other.type}"
            continue
        known = getattr(other, "args", {})
        for argument, value in getattr(field, "args", {}).items():
            there = known.get(argument)
            if there is None or _signature(there) != _signature(value):
                yield f"{ours.name}.{name}({argument}:) differs"
        required = {key for key, value in known.items() if str(_signature(value)).endswith("!")}
        for argument in required - set(getattr(field, "args", {})):
            yield f"{ours.name}.{name}: lacks the required argument {argument}"


def _signature(argument: object) -> str:
    """Type and default, as written in a schema."""
    node = getattr(argument, "ast_node", None)
    default = getattr(node, "default_value", None)
    if default is not None:
        return f"{getattr(argument, 'type', None)} = {print_ast(default)}"
    return _signature_from_introspection(argument)


def _signature_from_introspection(argument: object) -> str:
    kind = getattr(argument, "type", None)
    default = getattr(argument, "default", None)
    literal = getattr(default, "literal", None)
    return f"{kind} = {print_ast(literal)}" if literal is not None else str(kind)


def test_the_simulators_schema_is_contained_in_shopifys():
    assert differences(admin_schema(), full_schema()) == []


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("  test: Boolean!\n", "  test: Boolean\n", "Order.test: Boolean, there Boolean!"),
        ("  test: Boolean!\n", "  tested: Boolean!\n", "Order.tested: Boolean!, there None"),
        ("  PAID\n", "  PAYED\n", "OrderDisplayFinancialStatus.PAYED: no such value"),
        ("order(id: ID!)", "order(key: ID!)", "QueryRoot.order(key:) differs"),
        ("order(id: ID!)", "order(id: ID)", "QueryRoot.order(id:) differs"),
        ("Boolean! = false", "Boolean! = true", "bulkOperationRunQuery(groupObjects:) differs"),
        ("  uri: String\n}", "  uri: String!\n}", "WebhookSubscriptionInput.uri"),
        (
            "union DiscountCode = ",
            "union DiscountCode = DiscountNode | ",
            "DiscountNode is no member",
        ),
        ("type Count {", "interface Count {", "Count: no such GraphQLInterfaceType"),
    ],
)
def test_the_check_sees_every_kind_of_difference(before: str, after: str, difference: str):
    text = (Path(queries.__file__).parents[3] / "libs/simulator/schema.graphql").read_text()
    assert before in text

    found = differences(build_schema(text.replace(before, after, 1)), full_schema())

    assert any(difference in one for one in found), found


@pytest.mark.parametrize("document", queries.SINGLE_DOCUMENTS)
def test_the_simulator_knows_what_we_ask(document: str):
    assert validate(admin_schema(), parse(document)) == []


@pytest.mark.parametrize("document", queries.BULK.values(), ids=queries.BULK.keys())
def test_the_simulator_takes_what_we_ask_in_bulk(document: str):
    assert read_bulk_query(document).roots
