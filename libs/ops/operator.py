"""The operator as a caller of the services' internal API, with a key of their own.

The database has one writer a table: what the command changes, it asks a service to change.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from libs.common.identity import TokenSigner
from libs.common.web.client import ServiceClient
from libs.ops.errors import OperationError
from libs.ops.files import read_json

CALLER = "ops"
SECRETS_FILE = "secrets.json"
_KEY = f"caller_key_{CALLER}"
_KEY_VARIABLE = "CALLER_PRIVATE_KEY"


def operator_client(
    service: str, url: str, data_dir: Path, environment: Mapping[str, str]
) -> ServiceClient:
    """Signs with CALLER_PRIVATE_KEY, else with the data folder's key. Raises OperationError."""
    key = environment.get(_KEY_VARIABLE) or read_json(data_dir / SECRETS_FILE).get(_KEY)
    if not key:
        raise OperationError(
            f"{_KEY_VARIABLE} must be set (the operator's), or --data-dir must name a folder "
            "that `tillstream up` has run on"
        )
    try:
        return ServiceClient(service, url, TokenSigner(CALLER, SecretStr(key)))
    except ValueError as error:
        raise OperationError(f"{_KEY_VARIABLE} {error}") from None
