"""When the orders of a generated shop came in: the habits of a week and a year, and growth.

The time of an order follows from its place alone, and never falls from one place to the next.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from libs.simulator.model import GeneratedShop

_HOUR = 3_600
_HOURS = 730 * 24
_OF_DAY = (4, 2, 1, 1, 1, 2, 4, 7, 10, 12, 13, 14, 15, 14, 13, 13, 13, 14, 16, 19, 21, 20, 15, 9)
_OF_WEEK = (10, 9, 9, 10, 11, 13, 14)
_OF_YEAR = (8, 8, 9, 9, 10, 10, 9, 9, 10, 11, 15, 16)


class Rhythm:
    def __init__(self, generated: GeneratedShop) -> None:
        self._begin = generated.anchor - _HOURS * _HOUR
        weights = _weights(self._begin, ZoneInfo(generated.zone))
        whole = sum(weights)
        self._starts = [0]
        """The place of the first order of each hour, and behind the last hour the size."""
        passed = 0
        for weight in weights:
            passed += weight
            self._starts.append(generated.size * passed // whole)

    @property
    def begin(self) -> int:
        return self._begin

    def moment(self, place: int, chance: int) -> int:
        """The second at which order `place` came in; `chance` moves it within its share."""
        hour = bisect_right(self._starts, place) - 1
        first = self._starts[hour]
        count = self._starts[hour + 1] - first
        share = (place - first) * _HOUR // count
        return self._begin + hour * _HOUR + share + chance % (_HOUR // count or 1)


def _weights(begin: int, zone: ZoneInfo) -> list[int]:
    weights = []
    for hour in range(_HOURS):
        local = datetime.fromtimestamp(begin + hour * _HOUR, UTC).astimezone(zone)
        habit = _OF_DAY[local.hour] * _OF_WEEK[local.weekday()] * _OF_YEAR[local.month - 1]
        weights.append(habit * (_HOURS + hour))
    return weights
