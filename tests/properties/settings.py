"""How hard every property is tried, and the change of the product that must break it."""

from dataclasses import dataclass

from hypothesis import HealthCheck, settings

PROPERTY = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
"""One database and one event loop serve all examples of a test; each has tenants of its own."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change of one line of the product. `old` stands in `file` exactly once."""

    file: str
    old: str
    new: str
