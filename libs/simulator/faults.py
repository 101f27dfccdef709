"""What may be made to go wrong, for each shop. Without faults everything works."""

from typing import Literal

from msgspec import Struct

_ERROR_CLASSES = (4, 5)
Counted = Literal["throttled", "internal_errors", "cut_answers", "cut_downloads", "bulk_breaks"]
_NEVER_NEGATIVE = (
    "delay",
    "uninstall_delay",
    "throttled",
    "internal_errors",
    "cut_answers",
    "cut_downloads",
    "api_latency",
    "bulk_delay",
    "bulk_breaks",
    "bulk_pace",
    "bulk_drops_lines",
    "bulk_url_seconds",
)


class Faults(Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """The fields of POST /_control/shops/{shop}/faults; README.md says what each does."""

    duplicate: float = 0.0
    drop: float = 0.0
    reorder: bool = False
    delay: float = 0.0
    uninstall_delay: float = 0.0
    sign_with: str | None = None
    consent: bool = False
    throttle: bool = False
    throttled: int = 0
    internal_errors: int = 0
    internal_error_in: str | None = None
    cut_answers: int = 0
    cut_downloads: int = 0
    cut_at: Literal["start", "middle"] = "middle"
    api_status: int | None = None
    api_failures: int | None = None
    api_latency: float = 0.0
    token_status: int | None = None
    token_failures: int | None = None
    bulk_delay: float = 0.0
    bulk_breaks: int = 0
    bulk_pace: float | None = None
    bulk_at_once: int | None = None
    bulk_fails: bool = False
    bulk_hangs: bool = False
    bulk_drops_lines: int = 0
    bulk_cuts_file: bool = False
    bulk_shuffles: bool = False
    bulk_miscounts: int = 0
    bulk_url_seconds: int | None = None
    protected_fields: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("duplicate", "drop"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a probability, from 0 to 1")
        for name in _NEVER_NEGATIVE:
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} cannot be negative")
        if self.bulk_at_once is not None and self.bulk_at_once < 1:
            raise ValueError("bulk_at_once is a number of operations, from 1 on")
        for name in ("api_status", "token_status"):
            status = getattr(self, name)
            if status is not None and status // 100 not in _ERROR_CLASSES:
                raise ValueError(f"{name} is an HTTP error status, from 400 to 599")

    def takes_api_call(self) -> int | None:
        """The status to fail this Admin API call with. Counts `api_failures` down when given."""
        if self.api_status is None or self.api_failures == 0:
            return None
        if self.api_failures is not None:
            self.api_failures -= 1
        return self.api_status

    def takes_query(self, query: str) -> bool:
        """Whether this query is to break off."""
        wanted = self.internal_error_in
        return (wanted is not None and wanted in query) or self.takes_one("internal_errors")

    def takes_one(self, name: Counted) -> bool:
        """Whether this call is one of those asked for. Counts them down."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0

    def signing_secret(self, secret: str) -> str:
        """What signs in place of `secret`, which is the app's."""
        return f"not {secret}" if self.sign_with == "bad" else self.sign_with or secret

    def takes_token_call(self) -> int | None:
        if self.token_status is None or self.token_failures == 0:
            return None
        if self.token_failures is not None:
            self.token_failures -= 1
        return self.token_status
