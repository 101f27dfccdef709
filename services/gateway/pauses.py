"""Growing pauses: some attempts are free, then each next one has to wait twice as long.

An attempt is counted before it is looked at, so that many at once are no way around the pause. A
pause ends by itself, and an attempt that is refused neither counts nor makes it longer.
"""

from dataclasses import dataclass

from libs.common.errors import RateLimitedError
from services.gateway.counters import Counters

_MINUTE = 60
_DAY_SECONDS = 24 * 60 * _MINUTE


@dataclass(frozen=True, slots=True)
class PausePolicy:
    """After the attempt number `free` one waits `first_seconds`, then twice as long, and so on."""

    name: str
    free: int
    first_seconds: int = 30
    max_seconds: int = 15 * _MINUTE
    remembered_seconds: int = _DAY_SECONDS

    def pause_after(self, attempts: int) -> int:
        """Seconds between the attempt of this number and the next; 0 while they are free."""
        if attempts < self.free:
            return 0
        doublings = min(attempts - self.free, self.max_seconds.bit_length())
        return min(self.max_seconds, self.first_seconds << doublings)


class Pauses:
    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    async def check(self, policy: PausePolicy, key: str) -> None:
        """Raises RateLimitedError during a pause. Counts nothing."""
        running = await self._counters.read(_pause(policy, key))
        if running.count:
            raise too_many_attempts(running.seconds_left)

    async def admit(self, policy: PausePolicy, key: str) -> None:
        """Counts an attempt. Raises RateLimitedError during a pause."""
        await self.check(policy, key)
        attempts = await self._counters.add(_attempts(policy, key), policy.remembered_seconds)
        seconds = policy.pause_after(attempts)
        # Of several at once only one begins the pause and is let through.
        if seconds and await self._counters.add(_pause(policy, key), seconds) > 1:
            raise too_many_attempts(seconds)

    async def attempts(self, policy: PausePolicy, key: str) -> int:
        """How many are remembered."""
        return (await self._counters.read(_attempts(policy, key))).count

    async def forgive(self, policy: PausePolicy, key: str) -> None:
        """The next attempt is the first one again."""
        await self._counters.forget(_attempts(policy, key))
        await self._counters.forget(_pause(policy, key))


def too_many_attempts(seconds: int) -> RateLimitedError:
    return RateLimitedError(
        f"Too many attempts. Try again in {_duration(seconds)}.", retry_after_seconds=seconds
    )


def _duration(seconds: int) -> str:
    if seconds <= 2 * _MINUTE:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // _MINUTE)} minutes"


def _attempts(policy: PausePolicy, key: str) -> str:
    return f"attempts/{policy.name}/{key}"


def _pause(policy: PausePolicy, key: str) -> str:
    return f"pause/{policy.name}/{key}"
