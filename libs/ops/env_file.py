"""`tillstream env-file`: the example of docker-compose's variables with fresh secrets in it."""

from collections.abc import Callable, Mapping
from functools import partial

from libs.ops import keyring

CALLERS = ("gateway", "oauth", "ingestor", "ops")
_RANDOM_TEXTS = ("PASSWORD", "SHOPIFY_API_KEY", "SHOPIFY_API_SECRET")


def filled(example: str) -> str:
    """`example` with a fresh value in each line `NAME=` that names a secret; the rest as it is."""
    callers = {name: keyring.key_32() for name in CALLERS}
    makers: Mapping[str, Callable[[], str]] = {
        "ENCRYPTION_KEY": lambda: f"k1:{keyring.key_32()}",
        "SESSION_SECRET": lambda: keyring.password() + keyring.password(),
        "CALLER_PUBLIC_KEYS": lambda: keyring.public_keys(callers),
        **{f"CALLER_PRIVATE_KEY_{name.upper()}": partial(str, callers[name]) for name in CALLERS},
    }
    lines = (_filled_line(line, makers) for line in example.splitlines())
    return "".join(f"{line}\n" for line in lines)


def _filled_line(line: str, makers: Mapping[str, Callable[[], str]]) -> str:
    name, separator, value = line.partition("=")
    if not separator or value:
        return line
    if name in makers:
        return line + makers[name]()
    return line + keyring.password() if any(mark in name for mark in _RANDOM_TEXTS) else line
