"""A data folder is its owner's alone, and nothing beside it is touched."""

import os
import stat
from pathlib import Path

from libs.ops.files import private_by_default, private_folder, write_json

OWN = ("logs", "secrets.json", "not-there-yet")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _older_folder(folder: Path) -> None:
    """As a version left it whose files everybody could read."""
    (folder / "logs").mkdir()
    (folder / "logs/gateway.log").touch()
    write_json(folder / "secrets.json", {})
    for path in (folder, folder / "logs"):
        path.chmod(0o755)
    (folder / "logs/gateway.log").chmod(0o644)


def test_what_an_earlier_version_left_open_is_closed(tmp_path):
    _older_folder(tmp_path)
    (tmp_path / "logs/away").symlink_to("/etc/hostname")
    private_folder(tmp_path, OWN)
    assert _mode(tmp_path / "logs") == 0o700
    assert _mode(tmp_path / "logs/gateway.log") == 0o600
    assert _mode(tmp_path) == (0o711 if os.geteuid() == 0 else 0o700)
    assert _mode(Path("/etc/hostname")) & 0o044


def test_a_folder_with_other_things_in_it_keeps_its_mode_and_theirs(tmp_path):
    _older_folder(tmp_path)
    (tmp_path / "letter.txt").touch(mode=0o644)
    (tmp_path / "letter.txt").chmod(0o644)
    private_folder(tmp_path, OWN)
    assert _mode(tmp_path) == 0o755
    assert _mode(tmp_path / "letter.txt") == 0o644
    assert _mode(tmp_path / "logs/gateway.log") == 0o600


def test_what_is_made_while_it_is_asked_for_is_private_from_the_start(tmp_path):
    before = os.umask(0o022)
    try:
        with private_by_default():
            (tmp_path / "inside").touch()
        (tmp_path / "after").touch()
    finally:
        os.umask(before)
    assert (_mode(tmp_path / "inside"), _mode(tmp_path / "after")) == (0o600, 0o644)
