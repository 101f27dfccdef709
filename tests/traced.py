"""What is traced under coverage: tracing makes Python three times as slow, so nothing twice.

Of a test with many parameters the first is traced, and fixtures the first time a module asks for
that set of them; `pytest.mark.no_cover` is for a test that is much work and covers nothing of its
own. Of the child processes those are traced that start with `python()`. The number is therefore
what the tests cover at least.
"""

import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import coverage
import pytest

from tests.keeper import ROOT


def python(*options: str) -> list[str]:
    """The interpreter; under coverage one that leaves its data where those of the tests go.

    `options` are those of `coverage run`.
    """
    if coverage.Coverage.current() is None:
        return [sys.executable]
    files = (f"--rcfile={ROOT / 'pyproject.toml'}", f"--data-file={ROOT / '.coverage'}")
    return [sys.executable, "-m", "coverage", "run", "--parallel-mode", *files, *options]


class Sparing:
    """A plugin that traces each thing once."""

    def __init__(self) -> None:
        self._traced: set[Hashable] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        with self._once("setup", *_fixtures(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        if item.get_closest_marker("no_cover"):
            return (yield)
        with self._once("call", item.nodeid.partition("[")[0]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        with self._once("teardown", *_fixtures(item)):
            return (yield)

    @contextmanager
    def _once(self, *what: Hashable) -> Iterator[None]:
        running = coverage.Coverage.current()
        if running is None or what not in self._traced:
            self._traced.add(what)
            yield
            return
        running.stop()
        try:
            yield
        finally:
            running.start()


def _fixtures(item: pytest.Item) -> tuple[Hashable, ...]:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    names = frozenset(getattr(item, "fixturenames", ())).difference(parameters)
    return (item.path, names)
