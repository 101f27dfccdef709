"""What an operator says about the front door to `tillstream up` reaches the gateway alone."""

from pathlib import Path

from libs.ops.programs import DEFAULT_PORTS, Plan, make_secrets, programs
from libs.ops.roles import SERVICES

FRONT_DOOR = {
    "CORS_ORIGINS": "https://reports.example",
    "LOGIN_LIMIT_PER_MINUTE": "20",
    "RATE_LIMIT_PER_MINUTE": "300",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "SESSION_IDLE_MINUTES": "60",
    "TRUSTED_PROXIES": "10.0.0.0/8",
}


def test_limits_redis_proxies_and_origins_reach_the_gateway_and_no_other(tmp_path: Path):
    plan = Plan(
        data_dir=tmp_path,
        secrets=make_secrets(tmp_path),
        ports=DEFAULT_PORTS,
        database_urls=dict.fromkeys(SERVICES, "postgresql://127.0.0.1/x"),
        broker_urls={},
        environment=FRONT_DOOR,
        simulated=True,
    )

    environments = {program.name: dict(program.environment) for program in programs(plan)}

    gateway = environments.pop("gateway")
    assert {name: gateway.get(name) for name in FRONT_DOOR} == FRONT_DOOR
    for environment in environments.values():
        assert not FRONT_DOOR.keys() & environment.keys()
