"""Security events: one family of log lines, and counts by the hour that alerts can read.

A line says who (a keyed hash), what, and from where (the network block, and a keyed hash of the
whole address). The hashes tell two lines of one person or machine apart from others; without the
service's secret nobody can compute them. Counts are kept in memory and added to the service's own
`security_counts` table by `save_counts`.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr
from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.common.clock import utc_now
from libs.common.database.transaction import transaction
from libs.common.errors import TransientError
from libs.common.logs import get_logger

_SAVE_SECONDS = 10.0
_LAST_SAVE_SECONDS = 2.0
_COUNTS_KEPT = timedelta(days=90)
_HASH_CHARACTERS = 16
_BLOCK_BITS = {4: 24, 6: 56}
_LINE_SECONDS = 60.0
_MAX_LINE_KEYS = 10_000


class SecurityEvent(StrEnum):
    """What may happen. Those of `_ROUTINE` are logged as INFO, all others as WARNING."""

    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_LIMITED = "sign_in_limited"
    PASSWORD_SPRAY = "password_spray"  # noqa: S105 - the name of an event
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    PASSWORD_REFUSED = "password_refused"  # noqa: S105
    SESSIONS_ENDED = "sessions_ended"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    ACCOUNT_RECOVERED = "account_recovered"
    OWNERSHIP_TAKEN_OVER = "ownership_taken_over"
    RECOVERY_REFUSED = "recovery_refused"
    CLAIM_REDEEMED = "claim_redeemed"
    CLAIM_REFUSED = "claim_refused"
    ACCESS_REFUSED = "access_refused"
    ORIGIN_REFUSED = "origin_refused"
    CALLER_REFUSED = "caller_refused"
    INSTALL_REFUSED = "install_refused"
    RATE_LIMITED = "rate_limited"
    DELIVERY_FORGED = "delivery_forged"
    DEAD_LETTER_FORGED = "dead_letter_forged"
    DEAD_LETTER_RETRIED = "dead_letter_retried"
    DEAD_LETTER_DISCARDED = "dead_letter_discarded"
    PRIVACY_REQUEST_DISCARDED = "privacy_request_discarded"
    DELIVERY_UNSIGNED = "delivery_unsigned"
    UNINSTALL_DISPROVED = "uninstall_disproved"
    REDACT_DISPROVED = "redact_disproved"
    DELETION_DISPROVED = "deletion_disproved"
    ERASURE_UNKNOWN = "erasure_unknown"
    TENANT_DISCONNECTED = "tenant_disconnected"
    ERASURE_SCHEDULED = "erasure_scheduled"
    ERASURE_CANCELLED = "erasure_cancelled"
    ERASURE_BEGUN = "erasure_begun"
    LANE_STOPPED = "lane_stopped"


_ROUTINE = frozenset(
    {
        SecurityEvent.SIGNED_IN,
        SecurityEvent.SIGNED_OUT,
        SecurityEvent.PASSWORD_CHANGED,
        SecurityEvent.PASSWORD_REFUSED,
        SecurityEvent.CLAIM_REDEEMED,
        SecurityEvent.DEAD_LETTER_RETRIED,
        SecurityEvent.TENANT_DISCONNECTED,
        SecurityEvent.ERASURE_SCHEDULED,
        SecurityEvent.ERASURE_CANCELLED,
        SecurityEvent.ERASURE_BEGUN,
    }
)

log = get_logger()

Counts = Counter[tuple[datetime, SecurityEvent]]


class _Lines:
    """Which lines were logged within the last minute, the oldest first."""

    def __init__(self) -> None:
        self._since: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str) -> int | None:
        """How many were left out since the last line of `key`; None when none is due."""
        now = time.monotonic()
        since, unlogged = self._since.get(key, (now - _LINE_SECONDS, 0))
        if now - since < _LINE_SECONDS:
            self._since[key] = (since, unlogged + 1)
            return None
        self._since.pop(key, None)
        while len(self._since) >= _MAX_LINE_KEYS:
            self._since.popitem(last=False)
        self._since[key] = (now, 0)
        return unlogged


class _State:
    def __init__(self) -> None:
        self.key: bytes | None = None
        self.counts: Counts = Counter()
        self.lines = _Lines()


_STATE = _State()
"""Of this process, as the logs' configuration is."""


def is_routine(event: SecurityEvent) -> bool:
    """Whether `event` is part of everyday use and not a sign of an attack."""
    return event in _ROUTINE


def configure_security_events(secret: SecretStr) -> None:
    """Set the key of the hashes. Call once, at start; without it they last as long as a process."""
    _STATE.key = hmac.digest(secret.get_secret_value().encode(), b"security events", hashlib.sha256)


def record_security_event(
    event: SecurityEvent,
    *,
    who: str | None = None,
    address: str | None = None,
    repeats: str | None = None,
    **what: object,
) -> None:
    """Log `event` and count it.

    `who` (a user name, say) and `address` are hashed here; `what` is logged as it is and may hold
    neither a secret nor personal data. What anybody can cause at will names in `repeats` what
    causes it: of those that are equal one a minute is logged, and the next says how many it left
    out as `unlogged`. All are counted.
    """
    _STATE.counts[(_hour(utc_now()), event)] += 1
    unlogged = 0 if repeats is None else _STATE.lines.take(f"{event} {repeats}")
    if unlogged is None:
        return
    if unlogged:
        what["unlogged"] = unlogged
    details = {**what, **_subject(who), **_source(address)}
    write = log.info if is_routine(event) else log.warning
    write("security_event", security_event=event.value, **details)


async def save_counts(engine: AsyncEngine, table: Table) -> None:
    """Add what was counted to `table` every 10 s until cancelled, and once more then."""
    try:
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            await save_counts_once(engine, table)
    finally:
        # What a database that is away cannot take is lost with the process; the log has it.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SAVE_SECONDS):
                await save_counts_once(engine, table)


async def save_counts_once(engine: AsyncEngine, table: Table) -> None:
    """What cannot be saved now is kept for the next time."""
    counted, _STATE.counts = _STATE.counts, Counter()
    if not counted:
        return
    try:
        await _add(engine, table, counted)
    except TransientError as error:
        _STATE.counts.update(counted)
        log.warning("security_counts_not_saved", code=error.code)


async def _add(engine: AsyncEngine, table: Table, counted: Counts) -> None:
    rows = [
        {"hour": hour, "event": event.value, "count": count}
        # In one order: two replicas may add at the same moment.
        for (hour, event), count in sorted(counted.items())
    ]
    new = insert(table)
    added = new.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key],
        set_={"count": table.c.count + new.excluded.count},
    )
    async with transaction(engine) as tx:
        await tx.execute(added, rows)
        await tx.execute(delete(table).where(table.c.hour < utc_now() - _COUNTS_KEPT))


def keyed_hash(text: str) -> str:
    """A short name for `text` that only this service can compute."""
    if _STATE.key is None:
        _STATE.key = secrets.token_bytes(32)
    return hmac.new(_STATE.key, text.encode(), hashlib.sha256).hexdigest()[:_HASH_CHARACTERS]


def address_block(address: str) -> str:
    """The network `address` is in: /24 for IPv4, /56 for IPv6, as one customer is given."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, _BLOCK_BITS[parsed.version]), strict=False))


def _subject(who: str | None) -> Mapping[str, str]:
    return {} if who is None else {"who": keyed_hash(who)}


def _source(address: str | None) -> Mapping[str, str]:
    if address is None:
        return {}
    return {"source": address_block(address), "source_hash": keyed_hash(address)}


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
