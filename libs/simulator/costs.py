"""What a query costs in points: what it asks for, and what it got.

A fit over recorded answers, not Shopify's own code: a connection is 2 and the logarithm of its
length times the cost of a row, an object 1, a root count 10, a mutation 10; money, page facts
and scalars are free.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
)
from graphql.execution.values import (
    VariableValues,
    get_argument_values,
    get_directive_values,
    get_variable_values,
)
from msgspec import Struct

MOST_FOR_ONE_QUERY = 1_000
_OBJECT, _CONNECTION, _COUNT, _MUTATION = 1, 2, 10, 10
_FREE = frozenset({"MoneyBag", "MoneyV2", "PageInfo"})

_Fields = Mapping[str, list[FieldNode]]


class Piece(Struct, frozen=True):
    """A field that costs something, or has something in it that does.

    `key` is its name in the answer and `own` its cost without children. Of `branches`, one for
    each type an abstract field may have, the dearest counts. `size` is how many rows were asked
    for; only a connection has one, and its children are the lists of its rows.
    """

    key: str
    own: int
    children: tuple["Piece", ...] = ()
    branches: tuple[tuple["Piece", ...], ...] = ()
    size: int | None = None


def requested_cost(pieces: Sequence[Piece]) -> int:
    return sum(map(_requested, pieces))


def actual_cost(pieces: Sequence[Piece], data: Mapping[str, Any] | None) -> int:
    """Never above the requested cost: what did not come costs nothing."""
    return 0 if data is None else sum(_actual(piece, data.get(piece.key)) for piece in pieces)


def _requested(piece: Piece) -> int:
    inner = requested_cost(piece.children)
    inner += max(map(requested_cost, piece.branches), default=0)
    return _priced(piece.own, piece.size, inner)


def _actual(piece: Piece, value: Any) -> int:
    if value is None:
        return 0
    rows = [row for row in (value if isinstance(value, list) else [value]) if row is not None]
    inner = max((_inner(piece, row) for row in rows), default=0)
    size = piece.size
    if size is not None and piece.children:
        size = min(size, max(len(value[rows.key]) for rows in piece.children))
    return _priced(piece.own, size, inner)


def _inner(piece: Piece, row: Mapping[str, Any]) -> int:
    branches = (actual_cost(branch, row) for branch in piece.branches)
    return actual_cost(piece.children, row) + max(branches, default=0)


def _priced(own: int, size: int | None, inner: int) -> int:
    return own + inner if size is None else own + _weight(size) * (1 + inner)


def _weight(rows: int) -> int:
    return max(1, math.floor(2 * math.log(rows))) if rows > 0 else 0


def pieces_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, Any],
    operation_name: str | None,
) -> tuple[Piece, ...]:
    """`document` is valid. Nothing when its variables are not: then nothing will run either."""
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return ()
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables))
    if isinstance(values, list):
        return ()
    return _Reader(schema, document, values).pieces(operation)


class _Reader:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, values: VariableValues
    ) -> None:
        self._schema = schema
        self._values = values
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def pieces(self, operation: OperationDefinitionNode) -> tuple[Piece, ...]:
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            return ()
        fields = self._collected(root, [operation.selection_set])
        if operation.operation is OperationType.MUTATION:
            return tuple(
                Piece(key, _MUTATION, self._children(root, nodes, object_cost=0))
                for key, nodes in fields.items()
            )
        counts = {key for key, (node, *_) in fields.items() if node.name.value.endswith("Count")}
        dear = tuple(Piece(key, _COUNT) for key in counts)
        rest = {key: nodes for key, nodes in fields.items() if key not in counts}
        return dear + self._selected(root, rest, _OBJECT)

    def _selected(
        self, parent: GraphQLObjectType, fields: _Fields, object_cost: int
    ) -> tuple[Piece, ...]:
        pieces = (self._piece(parent, key, nodes, object_cost) for key, nodes in fields.items())
        return tuple(piece for piece in pieces if piece is not None)

    def _piece(
        self, parent: GraphQLObjectType, key: str, nodes: list[FieldNode], object_cost: int
    ) -> Piece | None:
        kind = self._kind(parent, nodes)
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            possible = self._schema.get_possible_types(kind)
            branches = (self._selected(one, self._below(one, nodes), _OBJECT) for one in possible)
            return Piece(key, object_cost, branches=tuple(branches))
        if not isinstance(kind, GraphQLObjectType) or kind.name in _FREE:
            return None
        if kind.name.endswith("Connection"):
            lists = self._lists(kind, nodes)
            return Piece(key, _CONNECTION, lists, size=self._size(parent, nodes[0]))
        children = self._children(parent, nodes, object_cost)
        return Piece(key, object_cost, children) if object_cost or children else None

    def _children(
        self, parent: GraphQLObjectType, nodes: list[FieldNode], object_cost: int
    ) -> tuple[Piece, ...]:
        kind = self._kind(parent, nodes)
        if not isinstance(kind, GraphQLObjectType):
            return ()
        return self._selected(kind, self._below(kind, nodes), object_cost)

    def _lists(self, connection: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Piece, ...]:
        """`nodes` and `edges`. An edge and its node are no objects of their own."""
        lists = []
        for key, fields in self._below(connection, nodes).items():
            name = fields[0].name.value
            if name == "nodes":
                lists.append(Piece(key, 0, self._children(connection, fields, _OBJECT)))
            elif name == "edges":
                lists.append(Piece(key, 0, self._of_edge(connection, fields)))
        return tuple(lists)

    def _of_edge(self, connection: GraphQLObjectType, nodes: list[FieldNode]) -> tuple[Piece, ...]:
        edge = self._kind(connection, nodes)
        if not isinstance(edge, GraphQLObjectType):
            return ()
        return tuple(
            Piece(key, 0, self._children(edge, fields, _OBJECT))
            for key, fields in self._below(edge, nodes).items()
            if fields[0].name.value == "node"
        )

    def _size(self, parent: GraphQLObjectType, node: FieldNode) -> int:
        field = parent.fields[node.name.value]
        arguments = get_argument_values(field, node, self._values)
        return int(arguments.get("first") or arguments.get("last") or 0)

    def _below(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> _Fields:
        sets = [node.selection_set for node in nodes if node.selection_set is not None]
        return self._collected(kind, sets)

    def _collected(self, kind: GraphQLObjectType, sets: Sequence[SelectionSetNode]) -> _Fields:
        """The fields of `kind` by their names in the answer, those of its fragments too."""
        found: dict[str, list[FieldNode]] = {}
        left = [selection for one in sets for selection in one.selections][::-1]
        while left:
            selection = left.pop()
            if not self._is_wanted(selection):
                continue
            if isinstance(selection, FieldNode):
                name = selection.alias or selection.name
                found.setdefault(name.value, []).append(selection)
            else:
                left += self._of_fragment(kind, selection)[::-1]
        return found

    def _of_fragment(
        self, kind: GraphQLObjectType, selection: SelectionNode
    ) -> tuple[SelectionNode, ...]:
        fragment: FragmentDefinitionNode | InlineFragmentNode
        if isinstance(selection, FragmentSpreadNode):
            fragment = self._fragments[selection.name.value]
        elif isinstance(selection, InlineFragmentNode):
            fragment = selection
        else:
            return ()
        condition = fragment.type_condition
        if condition is not None and condition.name.value != kind.name:
            wanted = self._schema.get_type(condition.name.value)
            if not isinstance(wanted, GraphQLInterfaceType | GraphQLUnionType):
                return ()
            if not self._schema.is_sub_type(wanted, kind):
                return ()
        return fragment.selection_set.selections

    def _is_wanted(self, selection: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, selection, self._values)
        include = get_directive_values(GraphQLIncludeDirective, selection, self._values)
        return not (skip and skip["if"]) and (include is None or include["if"])

    def _kind(self, parent: GraphQLObjectType, nodes: list[FieldNode]) -> Any:
        """None for what every type has: `__typename` and the schema itself."""
        field = parent.fields.get(nodes[0].name.value)
        return None if field is None else get_named_type(field.type)
