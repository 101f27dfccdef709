"""The operator as a caller of the services' internal API, with a key of their own.

The database has one writer a table: what the command changes, it asks a service to change.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from libs.common.identity import TokenSigner
from libs.common.settings import is_in_the_clear, trimmed
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
    """Signs with CALLER_PRIVATE_KEY, else with the data folder's key. Raises OperationError.

    In production it speaks https alone, as the services do (INTERNAL_TLS, INTERNAL_CA_FILE).
    """
    environment = trimmed(environment)
    mesh = environment.get("INTERNAL_TLS", "")
    if environment.get("ENVIRONMENT") == "production" and is_in_the_clear(url, mesh):
        raise OperationError(f"{url} must be https in production, unless INTERNAL_TLS is mesh")
    key = environment.get(_KEY_VARIABLE) or read_json(data_dir / SECRETS_FILE).get(_KEY)
    if not key:
        raise OperationError(
            f"{_KEY_VARIABLE} must be set (the operator's), or --data-dir must name a folder "
            "that `tillstream up` has run on"
        )
    try:
        signer = TokenSigner(CALLER, SecretStr(key))
        ca_file = environment.get("INTERNAL_CA_FILE")
        return ServiceClient(service, url, signer, Path(ca_file) if ca_file else None)
    except ValueError as error:
        raise OperationError(f"{_KEY_VARIABLE} {error}") from None
