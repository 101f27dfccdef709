"""The mutations an app may run: webhook subscriptions and bulk operations."""

from collections.abc import Callable, Mapping
from typing import Any

from libs.simulator.bulk import BulkError
from libs.simulator.context import Context
from libs.simulator.numbers import global_id, number_from_global_id
from libs.simulator.operations import Operation
from libs.simulator.subscriptions import Subscription, UserError

Payload = dict[str, Any]
Args = Mapping[str, Any]
_UNKNOWN = UserError(("id",), "Webhook subscription does not exist")


def _subscribed(outcome: Subscription | UserError) -> Payload:
    if isinstance(outcome, UserError):
        return {"webhookSubscription": None, "userErrors": [outcome]}
    return {"webhookSubscription": outcome, "userErrors": []}


def _create_subscription(context: Context, args: Args) -> Payload:
    shop = context.shop
    return _subscribed(
        shop.subscriptions.create(
            shop.numbers.next(), args["topic"], context.api_version, args["webhookSubscription"]
        )
    )


def _known_subscription(context: Context, args: Args) -> Subscription | None:
    number = number_from_global_id(str(args["id"]), "WebhookSubscription")
    return context.shop.subscriptions.get(number)


def _update_subscription(context: Context, args: Args) -> Payload:
    known = _known_subscription(context, args)
    if known is None:
        return _subscribed(_UNKNOWN)
    return _subscribed(context.shop.subscriptions.update(known, args["webhookSubscription"]))


def _delete_subscription(context: Context, args: Args) -> Payload:
    known = _known_subscription(context, args)
    if known is None:
        return {"deletedWebhookSubscriptionId": None, "userErrors": [_UNKNOWN]}
    context.shop.subscriptions.remove(known.id)
    return {
        "deletedWebhookSubscriptionId": global_id("WebhookSubscription", known.id),
        "userErrors": [],
    }


def _operated(operation: Operation | None, error: UserError | None) -> Payload:
    return {"bulkOperation": operation, "userErrors": [] if error is None else [error]}


def _run_bulk_query(context: Context, args: Args) -> Payload:
    try:
        operation = context.bulk.start(
            context, args["query"], group_objects=args.get("groupObjects", False)
        )
    except BulkError as error:
        field = None if error.code == "OPERATION_IN_PROGRESS" else ("query",)
        return _operated(None, UserError(field, str(error), error.code))
    return _operated(operation, None)


def _cancel_bulk_query(context: Context, args: Args) -> Payload:
    number = number_from_global_id(str(args["id"]), "BulkOperation")
    operation = context.shop.operations.get(number)
    if operation is None:
        return _operated(None, UserError(("id",), "Bulk operation does not exist"))
    try:
        context.bulk.cancel(context.shop, operation)
    except BulkError as error:
        return _operated(operation, UserError(None, str(error)))
    return _operated(operation, None)


MUTATIONS: Mapping[str, Callable[[Context, Args], Payload]] = {
    "webhookSubscriptionCreate": _create_subscription,
    "webhookSubscriptionUpdate": _update_subscription,
    "webhookSubscriptionDelete": _delete_subscription,
    "bulkOperationRunQuery": _run_bulk_query,
    "bulkOperationCancel": _cancel_bulk_query,
}
