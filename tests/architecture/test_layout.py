"""The house rules that keep this code readable are facts about the files, checked here."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION = 40
LONGEST_FILE = 300
VAGUE_NAMES = {"utils", "helpers", "base", "manager", "misc", "service"}


def _tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [path for line in listing.stdout.splitlines() if (path := ROOT / line).is_file()]


TRACKED = _tracked()
PYTHON = [path for path in TRACKED if path.suffix == ".py"]
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in ("services", "libs")]


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def test_a_file_fits_in_one_sitting():
    lengths = {_named(path): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_a_function_fits_on_one_screen():
    too_long = [
        f"{_named(path)}: {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in PRODUCT
        for node in _functions(_tree(path))
        if node.end_lineno and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert too_long == []


def test_a_module_says_what_it_is_for():
    modules = [path for path in PYTHON if path.name != "__init__.py"]
    assert [_named(path) for path in modules if not ast.get_docstring(_tree(path))] == []


def test_no_module_has_a_vague_name():
    assert [_named(path) for path in PYTHON if path.stem in VAGUE_NAMES] == []


def test_services_and_libs_are_namespaces_so_that_an_image_can_hold_one_of_them():
    assert not (ROOT / "services/__init__.py").exists()
    assert not (ROOT / "libs/__init__.py").exists()


def _uses(path: Path, pattern: str) -> bool:
    return re.search(pattern, path.read_text()) is not None


def test_only_the_transaction_module_commits():
    offenders = [
        _named(path)
        for path in PRODUCT
        if _uses(path, r"\.commit\(\)") and "database/transaction.py" not in _named(path)
    ]
    assert offenders == []


def test_only_the_clock_asks_for_the_time():
    offenders = [
        _named(path)
        for path in PRODUCT
        if _uses(path, r"datetime\.(now|utcnow|today)\(|date\.today\(")
        and _named(path) != "libs/common/clock.py"
    ]
    assert offenders == []


def test_log_events_are_constant_so_that_they_group():
    offenders = [
        f"{_named(path)}:{node.lineno}"
        for path in PRODUCT
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("log", "logger")
        and node.args
        and not (isinstance(node.args[0], ast.Constant))
    ]
    assert offenders == []


def test_nothing_is_built_at_import():
    """No engine, app or settings object at module level."""
    builders = {"create_engine", "create_app", "create_web_app", "FastAPI", "AsyncClient"}
    offenders = [
        _named(path)
        for path in PRODUCT
        for node in _tree(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", getattr(node.value.func, "attr", "")) in builders
    ]
    assert offenders == []


def test_no_work_is_left_for_later_in_the_code():
    # In quotes it is ISO 4217's code of no currency.
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|(?<!\")XX" r"X|HA" r"CK)\b")
    text_files = [p for p in TRACKED if p.suffix in {".py", ".ts", ".tsx", ".sql", ".md"}]
    assert [_named(path) for path in text_files if marks.search(path.read_text())] == []


def test_no_lock_file_names_a_registry():
    locks = [p for p in TRACKED if p.name.endswith((".lock", "package-lock.json", ".npmrc"))]
    assert locks
    for path in locks:
        text = path.read_text()
        assert '"resolved"' not in text, _named(path)
        assert "index-url" not in text, _named(path)
    assert not (ROOT / "uv.lock").exists()


SERVICES = ("gateway", "oauth", "webhooks", "ingestor", "analytics")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str):
    folder = ROOT / "services" / service
    for name in ("main.py", "settings.py", "README.md", "requirements.lock"):
        assert (folder / name).is_file(), name
    assert len((folder / "README.md").read_text().splitlines()) <= 25
