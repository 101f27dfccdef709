"""Every error raised on purpose, each with the code a caller sees.

    PlatformError
    ├── PermanentError     retrying cannot help: dead letter, or a 4xx
    └── TransientError     retrying may help: delayed retry, or a 503

The class decides what happens; the message is for a person. Data go in `context`,
never in the message, and neither may hold a secret or personal data.
"""

from typing import ClassVar


class PlatformError(Exception):
    """The root of all errors that we raise ourselves."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context


class PermanentError(PlatformError):
    """Retrying cannot help."""


class TransientError(PlatformError):
    """Retrying may help. `retry_after_seconds` is set where the other side said when."""

    code = "TEMPORARILY_UNAVAILABLE"

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, **context: object
    ) -> None:
        super().__init__(message, **context)
        self.retry_after_seconds = retry_after_seconds


class ConfigurationError(PermanentError):
    """The environment is not one this program can run in."""

    code = "CONFIGURATION_INVALID"


class InvalidInputError(PermanentError):
    code = "VALIDATION_FAILED"


class InvalidDateError(InvalidInputError):
    code = "VALIDATION_INVALID_DATE"


class InvalidRangeError(InvalidInputError):
    code = "VALIDATION_INVALID_RANGE"


class InvalidShopDomainError(InvalidInputError):
    code = "VALIDATION_INVALID_SHOP"


class NotFoundError(PermanentError):
    code = "NOT_FOUND"


class PayloadTooLargeError(PermanentError):
    code = "PAYLOAD_TOO_LARGE"


class UrlTooLongError(PermanentError):
    code = "URL_TOO_LONG"


class HeadersTooLargeError(PermanentError):
    """Too many header fields, or too much in them."""

    code = "HEADERS_TOO_LARGE"


class RequestMalformedError(PermanentError):
    """What came is no HTTP request that could be understood in one way only."""

    code = "REQUEST_MALFORMED"


class RequestTimeoutError(TransientError):
    """The client took too long to send its request."""

    code = "REQUEST_TIMEOUT"


class InvalidCredentialsError(PermanentError):
    code = "AUTH_INVALID_CREDENTIALS"


class AccountDisabledError(PermanentError):
    """The password is right, but an operator has disabled the user."""

    code = "ACCOUNT_DISABLED"


class SessionNotFoundError(PermanentError):
    """The user has no session of this id."""

    code = "SESSION_NOT_FOUND"


class UserNotFoundError(PermanentError):
    code = "USER_NOT_FOUND"


class SessionExpiredError(PermanentError):
    code = "AUTH_SESSION_EXPIRED"


class RateLimitedError(TransientError):
    """The caller has sent more than it may within a minute."""

    code = "RATE_LIMITED"


class OriginRefusedError(PermanentError):
    code = "ORIGIN_REFUSED"


class OwnerRequiredError(PermanentError):
    """Somebody is signed in, but is not the owner of the tenant."""

    code = "OWNER_REQUIRED"


class CallerRefusedError(PermanentError):
    """An internal call without a valid caller token, or from a service that may not ask this."""

    code = "CALLER_REFUSED"


class ClaimNotFoundError(PermanentError):
    code = "CLAIM_NOT_FOUND"


class ClaimInvalidError(PermanentError):
    code = "CLAIM_INVALID"


class ClaimUsedError(PermanentError):
    code = "CLAIM_USED"


class AccountOwnerRequiredError(PermanentError):
    """Whoever approved at Shopify is not the account owner of the shop."""

    code = "ACCOUNT_OWNER_REQUIRED"


class RecoveryNotFoundError(PermanentError):
    code = "RECOVERY_NOT_FOUND"


class RecoveryInvalidError(PermanentError):
    code = "RECOVERY_INVALID"


class RecoveryUsedError(PermanentError):
    code = "RECOVERY_USED"


class ResetNotPossibleError(PermanentError):
    """The account is not of this shop alone, or there is none: only a takeover is possible."""

    code = "RESET_NOT_POSSIBLE"


class TenantOwnedError(PermanentError):
    """The tenant has an owner already: sign in instead."""

    code = "TENANT_ALREADY_OWNED"


class TenantErasureScheduledError(PermanentError):
    """The tenant's data are to be erased: nobody may come in. `context["details"]` says when."""

    code = "TENANT_ERASURE_SCHEDULED"


class UsernameTakenError(PermanentError):
    code = "USERNAME_TAKEN"


class PasswordRefusedError(InvalidInputError):
    code = "PASSWORD_REFUSED"


class PasswordConfirmationError(PermanentError):
    """The signed-in user gave a wrong password where an action asks for it again."""

    code = "PASSWORD_CONFIRMATION_FAILED"


class TenantNotFoundError(PermanentError):
    code = "TENANT_NOT_FOUND"


class PullRunningError(PermanentError):
    code = "PULL_RUNNING"


class ReconnectRequiredError(PermanentError):
    """Shopify no longer accepts our token; the merchant must connect the shop again."""

    code = "RECONNECT_REQUIRED"


class EncryptionKeyError(TransientError):
    """A stored secret does not open with the keys we have: an operator can put them right.

    `context["details"]` names the key's id.
    """

    code = "ENCRYPTION_KEY_MISSING"


class ShopifyAuthError(PermanentError):
    code = "SHOPIFY_AUTH_FAILED"


class ShopifyRequestError(PermanentError):
    """Shopify refused a request of ours for good."""

    code = "SHOPIFY_REQUEST_REFUSED"


class ShopifyRateLimitError(TransientError):
    code = "SHOPIFY_RATE_LIMIT"


class ShopifyUnavailableError(TransientError):
    code = "SHOPIFY_UNAVAILABLE"


class ShopifyCircuitOpenError(TransientError):
    """Shopify failed five times in a row for this shop: it is left alone for a while."""

    code = "SHOPIFY_CIRCUIT_OPEN"


class SignatureInvalidError(PermanentError):
    code = "WEBHOOK_SIGNATURE_INVALID"


class TopicMismatchError(InvalidInputError):
    code = "WEBHOOK_TOPIC_MISMATCH"


class ShopUnknownError(PermanentError):
    code = "SHOP_UNKNOWN"


class MessageMalformedError(PermanentError):
    """A message or a delivery body that cannot be read. `context["reason"]` says how."""

    code = "MESSAGE_MALFORMED"


class RecordRefusedError(PermanentError):
    """The database or its driver refuses a value for what it is. `context["reason"]` says how."""

    code = "RECORD_REFUSED"


class DatabaseUnavailableError(TransientError):
    """PostgreSQL cannot be reached, or is not well: no record is to blame."""

    code = "DATABASE_CONNECTION_FAILED"


class DatabaseTimeoutError(DatabaseUnavailableError):
    """A statement or a wait for a lock took too long, on a connection that works."""

    def __init__(
        self, message: str, *, waited_for_lock: bool = False, **context: str | None
    ) -> None:
        super().__init__(message, retry_after_seconds=None, **context)
        self.waited_for_lock = waited_for_lock


class BrokerUnavailableError(TransientError):
    code = "BROKER_UNAVAILABLE"


class ServiceUnavailableError(TransientError):
    """Another of our services did not answer."""

    code = "SERVICE_UNAVAILABLE"
