"""Free TCP ports on the loopback address."""

import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # Servers set SO_REUSEADDR too: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None, taken: frozenset[int] = frozenset()) -> int:
    """`preferred` when it is free, else one the kernel picks, never one in `taken`."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    while True:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def free_ports(names: Sequence[str], preferred: Mapping[str, int]) -> dict[str, int]:
    """One distinct free port per name, the preferred one where it is still free."""
    chosen: dict[str, int] = {}
    for name in names:
        chosen[name] = free_port(preferred.get(name), frozenset(chosen.values()))
    return chosen


class PortClaims:
    """Ports that no other copy on this machine takes while this is open.

    Between the choice of a port and the start of its server another copy would find it free too,
    and then take the first copy's server for its own. A claim is an abstract socket named after
    the port: the kernel drops it with the process, however that ends.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for claim in self._held.values():
            claim.close()

    def take(self, port: int) -> bool:
        """Whether `port` is free and now ours."""
        if not self._claim(port):
            return False
        if is_free(port):
            return True
        if claim := self._held.pop(port, None):
            claim.close()
        return False

    def take_all(self, names: Sequence[str], preferred: Mapping[str, int]) -> dict[str, int]:
        """A port for each name, the preferred one where it can be had."""
        chosen: dict[str, int] = {}
        for name in names:
            port = preferred.get(name)
            while port is None or not self.take(port):
                port = free_port()
            chosen[name] = port
        return chosen

    def _claim(self, port: int) -> bool:
        if sys.platform != "linux":
            return True
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0tillstream.port.{port}")
        except OSError:
            claim.close()
            return False
        self._held[port] = claim
        return True
