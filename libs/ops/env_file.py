"""`tillstream env-file`: the example of docker-compose's variables with fresh secrets in it."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from libs.ops import keyring
from libs.ops.errors import OperationError
from libs.ops.files import PRIVATE

CALLERS = ("gateway", "oauth", "ingestor", "ops")
_RANDOM_TEXTS = ("PASSWORD", "SHOPIFY_API_KEY", "SHOPIFY_API_SECRET")


def write_filled(example: str, path: Path, *, replace: bool) -> None:
    """Writes `filled(example)` to a file that its owner alone can read.

    Raises OperationError when `path` exists and may not be replaced: what runs has its secrets.
    """
    if replace:
        path.unlink(missing_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        raise OperationError(
            f"{path} exists, and what was started with it needs its secrets: "
            "name another file, or replace it with --force"
        ) from None
    except OSError as error:
        raise OperationError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(filled(example))


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
