"""Exports hold personal data: none stays on disk, not even after a process was killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.ingestor.pulls.folders import private_folder, remove_abandoned_folders


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_a_folder_is_private_and_goes_with_what_is_in_it():
    with private_folder() as folder:
        (folder / "customers.jsonl").write_text("x")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(tmp_path: Path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = [tmp_path / f"tillstream-pull-{number}-abc" for number in (gone.pid, os.getpid())]
    used = [tmp_path / f"tillstream-pull-{os.getppid()}-abc", tmp_path / "tillstream-pull-notes-x"]
    for folder in [*left, *used]:
        folder.mkdir()
        (folder / "orders.1.jsonl").write_text("x")
    remove_abandoned_folders()
    assert not any(folder.exists() for folder in left)
    assert all(folder.exists() for folder in used)
