"""What may be asked in bulk: Shopify's rules, with the words it refuses in.

A query that passes becomes a tree of connections, each with what to select from its nodes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLString,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_list_type,
    parse,
    validate,
    value_from_ast_untyped,
)
from graphql.type import get_nullable_type
from msgspec import Struct
from msgspec.structs import replace

from libs.simulator.schema import SCOPES, admin_schema

_MOST_CONNECTIONS = 5
_DEEPEST = 2
_IN_LIST = (
    "Queries that contain a connection field within a list field are not currently supported."
)


class BulkError(ValueError):
    def __init__(self, message: str, code: str = "INVALID") -> None:
        super().__init__(message)
        self.code = code


class Selected(Struct, frozen=True):
    """A plain field: `children` is empty for a leaf. A field of several possible types has
    `branches` for each of them instead."""

    name: str
    key: str
    type_name: str
    is_list: bool
    args: dict[str, Any]
    children: "tuple[Selected, ...]"
    branches: "dict[str, tuple[Selected, ...]]"

    def joined(self, other: "Selected") -> "Selected":
        """The same field asked for twice: one that has what both ask for."""
        branches = {
            name: _joined([*fields, *other.branches.get(name, ())])
            for name, fields in self.branches.items()
        }
        children = _joined([*self.children, *other.children])
        return replace(self, children=children, branches=branches)


def _joined(fields: Iterable[Selected]) -> tuple[Selected, ...]:
    found: dict[str, Selected] = {}
    for field in fields:
        known = found.get(field.key)
        found[field.key] = field if known is None else known.joined(field)
    return tuple(found.values())


class Connected(Struct, frozen=True):
    """A connection: what each node gives, and the connections below it."""

    parent_type: str
    name: str
    node_type: str
    args: dict[str, Any]
    fields: tuple[Selected, ...]
    below: "tuple[Connected, ...]"


class BulkQuery(Struct, frozen=True):
    roots: tuple[Connected, ...]
    scopes: frozenset[str]


def read_bulk_query(text: str) -> BulkQuery:
    """Raises BulkError with Shopify's message."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BulkError(
            f"Invalid bulk query: syntax error, {error.message.removeprefix('Syntax Error: ')}"
        ) from error
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
        raise BulkError("Invalid operation type. Only `query` operations are supported.")
    errors = validate(admin_schema(), document)
    if errors:
        raise BulkError(f"Invalid bulk query: {errors[0].message}")
    return _Reader(document).read(operations[0])


class _Reader:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._count = 0
        self._deepest = 0
        self._without_id: list[str] = []
        self._with_nodes: list[str] = []
        self._scopes: set[str] = set()

    def read(self, operation: OperationDefinitionNode) -> BulkQuery:
        root = admin_schema().type_map["QueryRoot"]
        fields = list(self._fields(operation.selection_set))
        for name in ("node", "nodes"):
            if any(field.name.value == name for field in fields):
                raise BulkError(f"Bulk queries cannot contain a top level `{name}` field.")
        connected, _ = self._split(operation.selection_set, root, depth=0, in_list=False)
        if not self._count:
            raise BulkError("Bulk queries must contain at least one connection.")
        self._refuse_shapes()
        return BulkQuery(tuple(connected), frozenset(self._scopes))

    def _refuse_shapes(self) -> None:
        if self._count > _MOST_CONNECTIONS:
            raise BulkError("Bulk queries cannot contain more than 5 connections.")
        if self._deepest > _DEEPEST:
            raise BulkError(
                "Bulk queries cannot contain connections with a nesting depth greater than 2."
            )
        if self._with_nodes:
            raise BulkError(
                "All connection fields in a bulk query must select their contents using "
                "'edges' > 'node', e.g: 'orders { edges { node {'. Selecting via 'nodes' is not "
                f"supported. Invalid connection fields: '{', '.join(self._with_nodes)}'."
            )
        if self._without_id:
            raise BulkError(
                "The parent 'node' field for a nested connection must select the 'id' field "
                "without an alias and must be of 'ID' return type. Connection fields without "
                f"'id': {', '.join(self._without_id)}."
            )

    def _fields(
        self, selections: SelectionSetNode | None, parent: Any = None
    ) -> Iterator[FieldNode]:
        """The fields of a selection that a `parent` has, fragments unfolded."""
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                yield node
                continue
            fragment = (
                self._fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            )
            if isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode) and _is_of(
                parent, fragment.type_condition
            ):
                yield from self._fields(fragment.selection_set, parent)

    def _split(
        self, selections: SelectionSetNode | None, parent: Any, *, depth: int, in_list: bool
    ) -> tuple[list[Connected], list[Selected]]:
        """The connections among the fields, at any depth, and the plain fields."""
        connected: list[Connected] = []
        selected: list[Selected] = []
        for node in self._fields(selections, parent):
            name = node.name.value
            if name == "__typename":
                selected.append(_selected(node, GraphQLString, {}, is_list=False))
                continue
            if (scope := SCOPES.get((parent.name, name))) is not None:
                self._scopes.add(scope)
            kind = parent.fields[name].type
            named = get_named_type(kind)
            if not named.name.endswith("Connection"):
                is_list = is_list_type(get_nullable_type(kind))
                branches: dict[str, list[Selected]] = {}
                for possible in _possible_types(named):
                    nested, branches[possible.name] = self._split(
                        node.selection_set, possible, depth=depth, in_list=in_list or is_list
                    )
                    connected += nested
                selected.append(_selected(node, named, branches, is_list=is_list))
            elif in_list:
                raise BulkError(_IN_LIST)
            else:
                connected.append(self._connection(node, parent, named, depth + 1))
        return connected, selected

    def _connection(
        self, node: FieldNode, parent: Any, connection: GraphQLObjectType, depth: int
    ) -> Connected:
        self._count += 1
        self._deepest = max(self._deepest, depth)
        name = node.name.value
        selections = self._node_selections(node)
        node_type = get_named_type(connection.fields["nodes"].type)
        below, fields = self._split(selections, node_type, depth=depth, in_list=False)
        if below and not any(field.name == field.key == "id" for field in fields):
            self._without_id.append(name)
        return Connected(
            parent_type=parent.name,
            name=name,
            node_type=node_type.name,
            args=_args(node),
            fields=_joined(fields),
            below=tuple(below),
        )

    def _node_selections(self, node: FieldNode) -> SelectionSetNode | None:
        for field in self._fields(node.selection_set):
            if field.name.value == "edges" and field.selection_set is not None:
                for inner in self._fields(field.selection_set):
                    if inner.name.value == "node":
                        return inner.selection_set
        self._with_nodes.append(node.name.value)
        return None


def _possible_types(kind: Any) -> Sequence[Any]:
    """A type without fields has one too, itself."""
    return admin_schema().get_possible_types(kind) if is_abstract_type(kind) else (kind,)


def _is_of(kind: Any, condition: NamedTypeNode | None) -> bool:
    """Whether a fragment on `condition` is for rows of this type."""
    if kind is None or condition is None or condition.name.value == kind.name:
        return True
    wanted = admin_schema().type_map[condition.name.value]
    return is_abstract_type(wanted) and admin_schema().is_sub_type(wanted, kind)


def _args(node: FieldNode) -> dict[str, Any]:
    return {item.name.value: value_from_ast_untyped(item.value) for item in node.arguments or ()}


def _selected(
    node: FieldNode, kind: Any, branches: Mapping[str, Iterable[Selected]], *, is_list: bool
) -> Selected:
    key = node.alias.value if node.alias else node.name.value
    children = branches.get(kind.name, ())
    others = {name: _joined(fields) for name, fields in branches.items() if name != kind.name}
    return Selected(
        *(node.name.value, key, kind.name, is_list, _args(node)), _joined(children), others
    )
