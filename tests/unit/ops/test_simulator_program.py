"""The simulator that `tillstream up` starts knows where the webhooks service takes compliance."""

from pathlib import Path

import pytest

from libs.ops.programs import DEFAULT_PORTS, Plan, make_secrets, programs
from libs.ops.roles import SERVICES


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, "http://127.0.0.1:8082/webhooks/compliance"),
        ({"WEBHOOKS_URL": "https://in.example/"}, "https://in.example/webhooks/compliance"),
    ],
)
def test_compliance_webhooks_go_to_the_webhooks_service(
    tmp_path: Path, environment: dict[str, str], address: str
):
    plan = Plan(
        data_dir=tmp_path,
        secrets=make_secrets(tmp_path),
        ports=DEFAULT_PORTS,
        database_urls=dict.fromkeys(SERVICES, "postgresql://127.0.0.1/x"),
        broker_urls={},
        environment=environment,
        simulated=True,
    )

    [simulator] = [program for program in programs(plan) if program.name == "simulator"]

    position = simulator.arguments.index("--compliance-uri")
    assert simulator.arguments[position + 1] == address
