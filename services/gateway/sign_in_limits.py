"""Limits of failed sign-ins that slow guessing down and lock nobody out.

A browser that signed in before has a budget of its own. Strangers are counted by user name and
network block. When many blocks fail on one name, strangers queue for it: each block is told when
its turn is, and has it then, however many others try. Blocks that have not failed on the name that
day have a queue of their own, in which nobody waits for long. So each block has one quick guess a
day, sixteen at most come from one provider's network, and all further ones together are 600 an
hour. When many names fail in the whole deployment, strangers get less at once. Keys are hashed: who
reads Redis cannot try names.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from pydantic import SecretStr

from libs.common.errors import RateLimitedError
from libs.common.security_events import SecurityEvent, address_block, record_security_event
from services.gateway.counters import Counters
from services.gateway.devices import Device
from services.gateway.pauses import PausePolicy, Pauses, too_many_attempts

_STRANGER = PausePolicy("stranger", free=5)
_STRANGER_DURING_SPRAY = replace(_STRANGER, free=2)
_KNOWN_BROWSER = PausePolicy("known-browser", free=10)
_CONFIRMATION = PausePolicy("confirmation", free=5)
_NAME_TAKEN = PausePolicy("name-taken", free=5, first_seconds=60)

_HOUR = 3600
_DAY = 24 * _HOUR
QUEUE_AFTER_FAILURES = 20
"""So many failures of strangers on one name in an hour, and strangers queue for it."""
_QUEUE_DURING_SPRAY = 3
_QUEUE_SPACING_SECONDS = 6
_MIN_WAIT_SECONDS = 30
MAX_WAIT_SECONDS = 15 * 60
"""Of a block that has not failed on the name that day."""
_TURN_LASTS_SECONDS = 10 * 60
_PROVIDER_BITS = {4: 16, 6: 32}
_MAX_PROVIDER_FAILURES = 16
"""On one name in a day. Of a provider's network anybody may hold very many blocks."""

SPRAY_NAMES = 100
"""So many names with a failed sign-in within `_SPRAY_SECONDS` are a spray."""
_SPRAY_SECONDS = 10 * 60


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in as `username` from `address`; `device` where the browser is a known one of it."""

    username: str
    address: str
    device: Device | None


class SignInLimits:
    def __init__(self, counters: Counters, secret: SecretStr) -> None:
        self._counters = counters
        self._pauses = Pauses(counters)
        self._key = hmac.digest(secret.get_secret_value().encode(), b"sign-ins", hashlib.sha256)

    async def admit(self, attempt: Attempt) -> None:
        """Counts `attempt` before its password is looked at. Raises RateLimitedError."""
        try:
            if attempt.device:
                await self._pauses.admit(_KNOWN_BROWSER, self._device(attempt.device))
            else:
                await self._admit_stranger(attempt)
        except RateLimitedError:
            record_security_event(
                SecurityEvent.SIGN_IN_LIMITED,
                who=attempt.username,
                address=attempt.address,
                known_browser=attempt.device is not None,
            )
            raise

    async def failed(self, attempt: Attempt) -> None:
        name = self._hash(attempt.username)
        if attempt.device is None:
            await self._counters.add(f"failures/{name}", _HOUR)
            await self._counters.add(self._provider(attempt), _DAY)
        if await self._counters.add(f"spray-name/{name}", _SPRAY_SECONDS) > 1:
            return
        if await self._counters.add("spray", _SPRAY_SECONDS) == SPRAY_NAMES:
            record_security_event(
                SecurityEvent.PASSWORD_SPRAY, names=SPRAY_NAMES, seconds=_SPRAY_SECONDS
            )

    async def succeeded(self, attempt: Attempt) -> None:
        """Gives the budget back."""
        if attempt.device:
            await self._pauses.forgive(_KNOWN_BROWSER, self._device(attempt.device))
        else:
            await self._pauses.forgive(_STRANGER, self._name_and_block(attempt))

    async def admit_confirmation(self, attempt: Attempt, session_key: str) -> None:
        """Counts a password that confirms an action of a session. Raises RateLimitedError."""
        try:
            await self._pauses.admit(_CONFIRMATION, self._hash(session_key))
        except RateLimitedError:
            record_security_event(
                SecurityEvent.SIGN_IN_LIMITED, who=attempt.username, address=attempt.address
            )
            raise

    async def confirmed(self, session_key: str) -> None:
        await self._pauses.forgive(_CONFIRMATION, self._hash(session_key))

    async def admit_new_name(self, claim_key: str, address: str) -> None:
        """Counts a name asked for, which tells whether it is taken. Raises RateLimitedError."""
        for key in (claim_key, address_block(address)):
            await self._pauses.admit(_NAME_TAKEN, self._hash(key))

    async def name_was_free(self, claim_key: str, address: str) -> None:
        for key in (claim_key, address_block(address)):
            await self._pauses.forgive(_NAME_TAKEN, self._hash(key))

    async def _admit_stranger(self, attempt: Attempt) -> None:
        is_spray = (await self._counters.read("spray")).count >= SPRAY_NAMES
        policy = _STRANGER_DURING_SPRAY if is_spray else _STRANGER
        key = self._name_and_block(attempt)
        await self._pauses.check(policy, key)
        failures = await self._counters.read(f"failures/{self._hash(attempt.username)}")
        if failures.count >= (_QUEUE_DURING_SPRAY if is_spray else QUEUE_AFTER_FAILURES):
            of_provider = (await self._counters.read(self._provider(attempt))).count
            has_failed = (
                of_provider >= _MAX_PROVIDER_FAILURES
                or await self._pauses.attempts(policy, key) > 0
            )
            await self._take_turn(self._hash(attempt.username), key, has_failed=has_failed)
        await self._pauses.admit(policy, key)

    async def _take_turn(self, name: str, key: str, *, has_failed: bool) -> None:
        """Raises RateLimitedError with the seconds until the turn, unless it has come."""
        waiting = await self._counters.read(f"waiting/{key}")
        if waiting.count:
            raise too_many_attempts(waiting.seconds_left)
        turn, taken = f"turn/{key}", f"turn-taken/{key}"
        if (await self._counters.read(turn)).count:
            # One attempt a turn, also when several come at once.
            is_ours = await self._counters.add(taken, _TURN_LASTS_SECONDS) == 1
            await self._counters.forget(turn)
            await self._counters.forget(taken)
            if is_ours:
                return
        if has_failed:
            seconds = await self._seconds_to_next_place(f"queue-again/{name}")
        else:
            seconds = await self._seconds_to_next_place(f"queue-first/{name}")
            seconds = min(seconds, MAX_WAIT_SECONDS)
        await self._counters.add(turn, seconds + _TURN_LASTS_SECONDS)
        await self._counters.add(f"waiting/{key}", seconds)
        raise too_many_attempts(seconds)

    async def _seconds_to_next_place(self, queue: str) -> int:
        """Places are some seconds apart. Those that nobody took are gone."""
        place = await self._counters.add(queue, _DAY)
        elapsed = _DAY - (await self._counters.read(queue)).seconds_left
        passed = elapsed // _QUEUE_SPACING_SECONDS
        if passed > place:
            place = await self._counters.add(queue, _DAY, passed - place)
        return max(place * _QUEUE_SPACING_SECONDS - elapsed, _MIN_WAIT_SECONDS)

    def _name_and_block(self, attempt: Attempt) -> str:
        return self._hash(f"{attempt.username}\0{address_block(attempt.address)}")

    def _provider(self, attempt: Attempt) -> str:
        return "provider/" + self._hash(f"{attempt.username}\0{_provider_block(attempt.address)}")

    def _device(self, device: Device) -> str:
        return self._hash(device.user_id.hex + device.id.hex())

    def _hash(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _provider_block(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    return str(ip_network((parsed, _PROVIDER_BITS[parsed.version]), strict=False))
