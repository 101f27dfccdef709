"""`tillstream env-file` leaves every secret where its owner alone reads it."""

import stat
import subprocess
from pathlib import Path

import pytest

from tests import covered


def _env_file(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*covered.python(), "-m", "libs.ops.cli", "env-file", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def _secrets(path: Path) -> set[str]:
    values = (line.partition("=") for line in path.read_text().splitlines())
    return {value for name, _, value in values if "PASSWORD" in name or ("KEY" in name and value)}


def test_a_written_file_is_its_owners_alone_and_nothing_of_it_is_printed(tmp_path):
    path = tmp_path / ".env"
    done = _env_file("--write", path)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = _secrets(path)
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in done.stdout + done.stderr]


def test_a_file_in_use_is_replaced_only_when_told_to(tmp_path):
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=in-use\n")
    path.chmod(0o644)
    refused = _env_file("--write", path)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert path.read_text() == "POSTGRES_PASSWORD=in-use\n"
    assert _env_file("--write", path, "--force").returncode == 0
    assert "in-use" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("arguments", [(), ("--write", "/no/such/folder/.env")])
def test_where_no_file_can_be_made_no_secret_is_printed_instead(arguments):
    done = _env_file(*arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "PASSWORD" not in done.stderr


@pytest.mark.parametrize("command", [("connect", "x.myshopify.com", "--user", "u"), ("doctor",)])
def test_no_command_takes_a_password_as_an_argument(command):
    done = subprocess.run(
        [*covered.python(), "-m", "libs.ops.cli", *command, "--password", "secret"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "No such option" in done.stderr
