"""What can go wrong with an export, beside the errors that every call can meet."""

from libs.common.errors import PermanentError, TransientError


class ExportFailedError(TransientError):
    """Shopify ended the export, or its file is not whole: start another one."""

    code = "SHOPIFY_EXPORT_FAILED"


class ExportExpiredError(ExportFailedError):
    """The file can no longer be fetched."""

    code = "SHOPIFY_EXPORT_EXPIRED"


class ExportRefusedError(TransientError):
    """Too many exports run for this shop already: ask again later."""

    code = "SHOPIFY_EXPORT_BUSY"


class AnswerUnreadableError(PermanentError):
    """Shopify's data do not have the shape that its schema promises."""

    code = "SHOPIFY_ANSWER_UNREADABLE"
