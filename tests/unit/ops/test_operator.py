"""The operator's command speaks to the services as they speak to each other."""

from pathlib import Path

import pytest

from libs.ops.errors import OperationError
from libs.ops.operator import operator_client
from tests.caller_keys import CallerKeys

KEY = {"CALLER_PRIVATE_KEY": CallerKeys().private["ops"]}
PRODUCTION = {**KEY, "ENVIRONMENT": "production"}
PLAIN = "http://oauth:8081"


def test_in_production_nothing_goes_out_in_the_clear(tmp_path: Path):
    with pytest.raises(OperationError, match="must be https"):
        operator_client("oauth", PLAIN, tmp_path, PRODUCTION)


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        ("https://oauth:8081", PRODUCTION),
        ("http://127.0.0.1:8081", PRODUCTION),
        (PLAIN, {**PRODUCTION, "INTERNAL_TLS": "mesh"}),
        (PLAIN, KEY),
    ],
)
async def test_https_a_mesh_and_the_machine_itself_are_taken(
    tmp_path: Path, url: str, environment: dict[str, str]
):
    await operator_client("oauth", url, tmp_path, environment).close()
