"""The simulator can answer every field that its schema offers, and list whatever it exports."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_abstract_type

from libs.simulator.children import CHILDREN
from libs.simulator.connections import CONNECTIONS, ROOT_FIELDS
from libs.simulator.field_kinds import NOTHING
from libs.simulator.fields import FIELDS
from libs.simulator.roots import ROOTS
from libs.simulator.schema import admin_schema

_ANSWERED_BY_MUTATIONS = ("Mutation", "UserError")


def _reached() -> set[str]:
    """The types that a question can come to: not those behind fields which are always null."""
    schema, found = admin_schema(), set[str]()
    open_types: list[Any] = [schema.query_type, schema.mutation_type]
    while open_types:
        kind = open_types.pop()
        if kind.name in found:
            continue
        found.add(kind.name)
        # `node` finds nothing that no list has.
        if is_abstract_type(kind) and kind.name != "Node":
            open_types += schema.get_possible_types(kind)
        for name, field in getattr(kind, "fields", {}).items():
            if FIELDS.get(kind.name, {}).get(name) is not NOTHING:
                open_types.append(get_named_type(field.type))
    return found


def test_every_field_of_the_schema_has_an_answer():
    reached = _reached()
    silent = [
        f"{name}.{field}"
        for name, kind in admin_schema().type_map.items()
        if isinstance(kind, GraphQLObjectType)
        and name in reached
        and not name.endswith(("Payload", *_ANSWERED_BY_MUTATIONS))
        for field in kind.fields
        if (name, field) not in CONNECTIONS
        and field not in {**FIELDS.get(name, {}), **ROOT_FIELDS.get(name, {})}
    ]

    assert silent == []


def test_what_is_exported_is_also_served_in_pages():
    assert {("QueryRoot", name) for name in ROOTS} <= set(CONNECTIONS)
    assert set(CHILDREN) <= set(CONNECTIONS)
