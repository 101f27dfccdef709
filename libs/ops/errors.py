"""What can go wrong on the operator's side: each message says what to do next."""

from libs.common.errors import PermanentError


class OperationError(PermanentError):
    """A command cannot go on; the message is the whole explanation."""

    code = "OPERATION_FAILED"


class FolderInUseError(OperationError):
    """Another process already runs on this data folder."""

    code = "FOLDER_IN_USE"


class BackingServiceError(OperationError):
    """PostgreSQL or RabbitMQ could not be found or brought up."""

    code = "BACKING_SERVICE_FAILED"
