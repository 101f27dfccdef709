"""The Admin GraphQL endpoint: graphql-core runs the query, this file speaks Shopify's errors."""

import re
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    execute_sync,
    parse,
    validate,
)

from libs.simulator.breakage import broken_off
from libs.simulator.charging import Charge
from libs.simulator.connections import CONNECTIONS, ROOT_FIELDS
from libs.simulator.context import Context
from libs.simulator.costs import pieces_of
from libs.simulator.field_kinds import Fields
from libs.simulator.fields import FIELDS, RefundOfOrder
from libs.simulator.model import Customer, Order, Product
from libs.simulator.mutations import MUTATIONS
from libs.simulator.nodes import Node
from libs.simulator.offers import Offer
from libs.simulator.operations import Operation
from libs.simulator.pages import PageError
from libs.simulator.schema import PROTECTED, SCOPES, admin_schema
from libs.simulator.search import SearchError
from libs.simulator.subscriptions import Subscription, UserError

_TYPES: dict[type, str] = {
    Order: "Order",
    Customer: "Customer",
    Product: "Product",
    RefundOfOrder: "Refund",
    Operation: "BulkOperation",
    Subscription: "WebhookSubscription",
}
_ALL_FIELDS: dict[str, Fields] = {**FIELDS, **ROOT_FIELDS}
_WORDINGS = (
    (r"Cannot query field '(\w+)' on type '(\w+)'.*", "undefinedField"),
    (r"Argument '\w+\.(\w+)\((\w+):\)' of type .* is required.*", "missingRequiredArguments"),
    (r"Unknown argument '(\w+)' on field '([\w.]+)'.*", "argumentNotAccepted"),
)
_SHOPIFY_WORDS = {
    "undefinedField": "Field '{0}' doesn't exist on type '{1}'",
    "missingRequiredArguments": "Field '{0}' is missing required arguments: {1}",
    "argumentNotAccepted": "Field '{1}' doesn't accept argument '{0}'",
}


@lru_cache
def parsed(query: str) -> DocumentNode | dict[str, Any]:
    """The document, or the answer that says why there is none. Clients ask the same again."""
    try:
        document = parse(query)
    except GraphQLError as error:
        place = error.locations[0] if error.locations else None
        where = f" at [{place.line}, {place.column}]" if place else ""
        return {"errors": [{"message": f"syntax error, {error.message}{where}"}]}
    errors = validate(admin_schema(), document)
    if errors:
        return {"errors": [_validation_error(error) for error in errors]}
    return document


def is_mutation(document: DocumentNode) -> bool:
    return any(
        isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION
        for node in document.definitions
    )


def executed(
    document: DocumentNode,
    context: Context,
    variables: dict[str, Any],
    operation_name: str | None,
) -> dict[str, Any]:
    schema = admin_schema()
    charge = Charge(context.shop, pieces_of(schema, document, variables, operation_name))
    if (refusal := charge.refusal()) is not None:
        return refusal
    result = execute_sync(
        schema,
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        field_resolver=_resolve,
        type_resolver=lambda value, _info, _type: _type_of(value),
    )
    answer: dict[str, Any] = {"data": result.data}
    if context.shop.faults.takes_query(document.loc.source.body if document.loc else ""):
        answer = broken_off(result.data)
    elif result.errors:
        answer["errors"] = [error.formatted for error in result.errors]
    answer["extensions"] = {"cost": charge.settled(result.data)}
    return answer


def _type_of(value: Any) -> str:
    if isinstance(value, Node):
        return value.kind
    return value.type_name if isinstance(value, Offer) else _TYPES[type(value)]


def _resolve(source: Any, info: GraphQLResolveInfo[Context], **args: Any) -> Any:
    parent, field = info.parent_type.name, info.field_name
    if isinstance(source, Node):
        source = source.row
    context = info.context
    _check_access(context, parent, field)
    if parent == "Mutation":
        return MUTATIONS[field](context, args)
    if isinstance(source, dict):
        return source[field]
    if isinstance(source, UserError):
        return getattr(source, field)
    connection = CONNECTIONS.get((parent, field))
    try:
        if connection is not None:
            return connection(context, source, args)
        return _ALL_FIELDS[parent][field](context, source)
    except (PageError, SearchError) as error:
        raise GraphQLError(str(error), extensions={"code": error.code}) from error


def _check_access(context: Context, parent: str, field: str) -> None:
    scope = SCOPES.get((parent, field))
    if scope is not None and not context.may(scope):
        raise GraphQLError(
            f"Access denied for {field} field. Required access: `{scope}` access scope.",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/api/usage/access-scopes",
                "requiredAccess": f"`{scope}` access scope.",
            },
        )
    if context.shop.faults.protected_fields and (parent, field) in PROTECTED:
        raise GraphQLError(
            f"This app is not approved to use the {field} field.",
            extensions={
                "code": "ACCESS_DENIED",
                "documentation": "https://shopify.dev/docs/apps/launch/protected-customer-data",
            },
        )


def _validation_error(error: GraphQLError) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    for pattern, code in _WORDINGS:
        if match := re.fullmatch(pattern, error.message, re.DOTALL):
            formatted["message"] = _SHOPIFY_WORDS[code].format(*match.groups())
            formatted["extensions"] = {"code": code}
    return formatted
