"""Each image holds what its process needs and nothing of its neighbours."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.architecture.test_layout import ROOT, SERVICES, TRACKED

IMAGES = {
    **{f"services.{name}.main": f"services/{name}" for name in SERVICES},
    "libs.ops.cli": "deploy/images/ops",
    "libs.simulator.__main__": "deploy/images/simulator",
}
LOCKS = {
    **{f"services.{name}.main": f"services/{name}/requirements.lock" for name in SERVICES},
    "libs.ops.cli": "libs/ops/requirements.lock",
    "libs.simulator.__main__": "libs/simulator/requirements.lock",
}
SERVICE_IMAGES = [module for module in IMAGES if module.startswith("services.")]

IMPORT = """
import importlib, sys
from pathlib import Path
# Without the project itself, which is installed here but not in an image.
checkouts = [p for p in sys.path if (Path(p) / "libs/common").is_dir()]
sys.path[:] = [sys.argv[1]] + [p for p in sys.path if p not in checkouts]
for name in sys.argv[2:]:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        print("missing", error.name)
    else:
        print("found", name if module.__file__.startswith(sys.argv[1]) else module.__file__)
"""


def _dockerfile(module: str) -> str:
    return (ROOT / IMAGES[module] / "Dockerfile").read_text()


def _last_stage(module: str) -> list[str]:
    text = _dockerfile(module).replace("\\\n", " ")
    return re.split(r"^FROM ", text, flags=re.MULTILINE)[-1].splitlines()


def _copies(module: str) -> list[tuple[str, str]]:
    """Source and target of what the image takes from the project."""
    pairs = []
    for line in _last_stage(module):
        if line.startswith("COPY ") and "--from" not in line:
            _, *sources, target = shlex.split(line)
            pairs += [(source, target) for source in sources]
    return pairs


def _lay_out(module: str, folder: Path) -> None:
    for source, target in _copies(module):
        for path in TRACKED:
            name = path.relative_to(ROOT)
            if (ROOT / source).is_dir() and name.is_relative_to(source):
                copy = folder / target / name.relative_to(source)
            elif name.parent == Path(source).parent and name.match(source):
                copy = folder / target / name.name
            else:
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder in which the files of an image are laid out, once for all tests."""

    @cache
    def lay_out(module: str) -> Path:
        folder = tmp_path_factory.mktemp("image")
        _lay_out(module, folder)
        return folder

    return lay_out


def _imported(folder: Path, *modules: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", IMPORT, str(folder), *modules],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("module", IMAGES)
def test_an_image_has_all_that_its_process_imports_and_a_service_is_alone_in_it(module, image):
    others = [name.rpartition(".")[0] for name in IMAGES if name != module]
    if module not in SERVICE_IMAGES:
        others = []
    imported = _imported(image(module), module, *others)
    assert imported == [f"found {module}", *(f"missing {name}" for name in others)]


@pytest.mark.parametrize("module", SERVICE_IMAGES)
def test_no_python_file_of_a_service_is_left_out(module, image):
    own = Path(IMAGES[module])
    wanted = {
        path.relative_to(ROOT)
        for path in TRACKED
        if path.suffix == ".py" and path.is_relative_to(ROOT / own)
    }
    folder = image(module)
    laid = {path.relative_to(folder) for path in (folder / own).rglob("*.py")}
    assert laid == wanted


def _imports(path: Path) -> set[str]:
    """Top-level names of every import in the file, those inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Importable names to what installs them; reads the metadata of all that is installed."""
    return packages_distributions()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("module", IMAGES)
def test_the_lock_holds_every_package_that_the_image_imports(module, image):
    lock = (ROOT / LOCKS[module]).read_text()
    locked = {_normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    names = set().union(*(_imports(path) for path in image(module).rglob("*.py")))
    third_party = names - set(sys.stdlib_module_names) - {"services", "libs"}
    assert "asyncpg" in third_party or module.startswith("libs.simulator")
    lacking = {
        name
        for name in third_party
        if not {_normal(found) for found in _distributions().get(name, ())} & locked
    }
    assert lacking == set()


@pytest.mark.parametrize("module", IMAGES)
def test_an_image_runs_as_a_numbered_user_without_a_shell(module):
    last = _last_stage(module)
    [user] = [line for line in last if line.startswith("USER ")]
    [entry] = [line for line in last if line.startswith("ENTRYPOINT ")]
    assert re.fullmatch(r"USER [1-9]\d+:[1-9]\d+", user)
    assert entry.startswith('ENTRYPOINT ["python", "-m", ')
    assert f'"{module.removesuffix(".__main__")}"' in entry
    assert not any(line.startswith("CMD") for line in last)


@pytest.mark.parametrize("module", IMAGES)
def test_an_image_installs_its_own_lock_by_hash_on_a_base_that_can_be_chosen(module):
    text = _dockerfile(module)
    assert f"COPY {LOCKS[module]} /requirements.lock" in text
    assert len(re.findall(r"pip install", text)) == 1
    assert "--require-hashes --no-deps" in text
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert set(bases) <= {"${PYTHON_IMAGE}", "${NODE_IMAGE}"}
    assert re.findall(r"^ARG PYTHON_IMAGE=(.*)$", text, re.MULTILINE) == ["python:3.11-slim"]


def test_nothing_private_is_sent_to_the_builder():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!")] == ["!libs/", "!services/"]
    assert "**/.env" in rules
