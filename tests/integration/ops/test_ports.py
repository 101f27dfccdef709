"""Two copies that start at the same moment never choose the same port."""

import socket
import subprocess
import sys

from libs.ops.ports import LOOPBACK, PortClaims, free_port

_CLAIM = """
import sys
from libs.ops.ports import PortClaims
with PortClaims() as claims:
    print(claims.take(int(sys.argv[1])), flush=True)
    sys.stdin.read()
"""


def _other_copy(port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _CLAIM, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_port_that_another_copy_has_chosen_is_not_taken_until_that_one_is_gone():
    port = free_port()
    with PortClaims() as claims:
        with _other_copy(port) as other:
            assert other.stdout.readline() == "True\n"
            assert not claims.take(port)
            assert claims.take_all(["gateway"], {"gateway": port})["gateway"] != port
            other.kill()
        assert claims.take(port)


def test_a_port_that_something_listens_on_is_not_taken():
    with socket.create_server((LOOPBACK, 0)) as server, PortClaims() as claims:
        assert not claims.take(server.getsockname()[1])


def test_every_name_gets_a_port_of_its_own():
    port = free_port()
    with PortClaims() as claims:
        chosen = claims.take_all(["a", "b", "c"], {"a": port, "b": port})
    assert chosen["a"] == port
    assert len(set(chosen.values())) == 3
