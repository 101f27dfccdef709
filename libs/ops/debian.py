"""System packages of Debian and Ubuntu. Standard library only: `make setup` imports it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libs.ops.errors import BackingServiceError

# The one on PATH is a wrapper that only root and the user rabbitmq may run.
_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_POLICY = Path("/usr/sbin/policy-rc.d")
_SERVICE_UNITS = Path("/etc/systemd/system")


def find_rabbitmq() -> Path:
    """The installed server's start script; installs it where we may."""
    if not _RABBITMQ.exists() and can_install():
        install("rabbitmq-server", service="rabbitmq-server")
    if not _RABBITMQ.exists():
        raise BackingServiceError(
            "no RabbitMQ: start a Docker engine, or install the package rabbitmq-server "
            "(Debian, Ubuntu: apt-get install rabbitmq-server), or set AMQP_URL to a broker"
        )
    return _RABBITMQ


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str, service: str | None = None) -> None:
    """Installs packages; `service`, which one of them brings, is never started.

    A masked service stays masked: Debian's RabbitMQ would listen on every address.
    """
    if service is not None:
        unit = _SERVICE_UNITS / f"{service}.service"
        unit.parent.mkdir(parents=True, exist_ok=True)
        if not unit.exists() and not unit.is_symlink():
            unit.symlink_to("/dev/null")
    with _nothing_started():
        _apt_get("update", "-qq")
        _apt_get("install", "-y", "-qq", "--no-install-recommends", *packages)


def _apt_get(*arguments: str) -> None:
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    done = subprocess.run(
        ["apt-get", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(done.stdout.splitlines()[-15:])
        raise BackingServiceError(f"apt-get {' '.join(arguments)} failed:\n{end}")


@contextmanager
def _nothing_started() -> Iterator[None]:
    """Keeps package scripts from starting daemons, on systems without systemd too."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
