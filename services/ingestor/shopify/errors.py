"""What can go wrong at Shopify and stays inside this service, beside `libs.common.errors`."""

from datetime import datetime

from libs.common.errors import PermanentError, TransientError


class ExportFailedError(TransientError):
    """Shopify ended the export, or its file is not whole: start another one."""

    code = "SHOPIFY_EXPORT_FAILED"


class ExportBrokenOffError(ExportFailedError):
    """Shopify ended the export half way: `url` leads to what there is, as of `snapshot_at`."""

    def __init__(
        self, message: str, *, url: str, snapshot_at: datetime, status: str, reason: str | None
    ) -> None:
        super().__init__(message, status=status, reason=reason)
        self.url = url
        self.snapshot_at = snapshot_at


class ExportExpiredError(ExportFailedError):
    """The file can no longer be fetched."""

    code = "SHOPIFY_EXPORT_EXPIRED"


class ExportRefusedError(TransientError):
    """Too many exports run for this shop already: ask again later."""

    code = "SHOPIFY_EXPORT_BUSY"


class TokenRefusedError(TransientError):
    """Shopify does not take a token that it gave just now.

    Whether the merchant must connect again is for its token endpoint to say, and that one gave
    the token: so this may pass.
    """

    code = "SHOPIFY_TOKEN_REFUSED"


class AnswerUnreadableError(PermanentError):
    """Shopify's data do not have the shape that its schema promises."""

    code = "SHOPIFY_ANSWER_UNREADABLE"
