"""Free TCP ports on the loopback address."""

import socket
from contextlib import closing

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


def free_ports(names: tuple[str, ...], preferred: dict[str, int]) -> dict[str, int]:
    """One distinct free port per name, the preferred one where it is still free."""
    chosen: dict[str, int] = {}
    for name in names:
        chosen[name] = free_port(preferred.get(name), frozenset(chosen.values()))
    return chosen
