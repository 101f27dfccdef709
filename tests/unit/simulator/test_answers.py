"""The simulator can answer every field that its schema offers, and list whatever it exports."""

from graphql import GraphQLObjectType

from libs.simulator.children import CHILDREN
from libs.simulator.connections import CONNECTIONS, ROOT_FIELDS
from libs.simulator.fields import FIELDS
from libs.simulator.roots import ROOTS
from libs.simulator.schema import admin_schema

_ANSWERED_BY_MUTATIONS = ("Mutation", "UserError")


def test_every_field_of_the_schema_has_an_answer():
    silent = [
        f"{name}.{field}"
        for name, kind in admin_schema().type_map.items()
        if isinstance(kind, GraphQLObjectType)
        and not name.startswith("__")
        and not name.endswith(("Payload", *_ANSWERED_BY_MUTATIONS))
        for field in kind.fields
        if (name, field) not in CONNECTIONS
        and field not in {**FIELDS.get(name, {}), **ROOT_FIELDS.get(name, {})}
    ]

    assert silent == []


def test_what_is_exported_is_also_served_in_pages():
    assert {("QueryRoot", name) for name in ROOTS} <= set(CONNECTIONS)
    assert set(CHILDREN) <= set(CONNECTIONS)
