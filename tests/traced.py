"""Starts Python for a child process of ours whose code hardly runs in the tests' own process."""

import sys

import coverage

from tests.keeper import ROOT


def python() -> list[str]:
    """The interpreter; under coverage one that leaves its data where those of the tests go."""
    if coverage.Coverage.current() is None:
        return [sys.executable]
    files = (f"--rcfile={ROOT / 'pyproject.toml'}", f"--data-file={ROOT / '.coverage'}")
    return [sys.executable, "-m", "coverage", "run", "--parallel-mode", *files]
