"""Secrets and personal data never reach a log line, whatever way they come in."""

import io
import json
import logging

import pytest

from libs.common.logs import configure_logs, get_logger


@pytest.fixture
def lines():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("gateway")
    output = io.StringIO()
    root.handlers[0].setStream(output)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_says_when_who_and_how_bad(lines):
    get_logger().warning("breaker_opened", tenant_id="t1")
    [line] = lines()
    assert line["event"] == "breaker_opened"
    assert line["severity"] == "WARNING"
    assert line["service"] == "gateway"
    assert line["tenant_id"] == "t1"
    assert line["time"].endswith("Z")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("password", "canary"),
        ("access_token", "canary"),
        ("first_name", "canary"),
        ("reason", "token shpat_canary was refused"),
        ("reason", "mail to canary@example.com failed"),
        ("url", "postgresql://gateway:canary@db/tillstream"),
        ("url", "https://x/callback?code=canary&shop=a"),
        ("nested", {"deeper": {"secret": "canary"}}),
        ("items", ["shprt_canary"]),
        ("jwt", "eyJhbGciOiJFZERTQSJ9.eyJjYW5hcnkiOjF9.canary"),
    ],
)
def test_secrets_and_personal_data_are_taken_out(lines, key, value):
    get_logger().info("something_happened", **{key: value})
    [line] = lines()
    assert "canary" not in json.dumps(line)


def test_they_are_taken_out_of_stack_traces_and_other_libraries_lines_too(lines):
    try:
        {}["shpat_canary"]
    except KeyError:
        logging.getLogger("uvicorn.error").exception("failed for canary@example.com")
    [line] = lines()
    assert "KeyError" in line["exception"]
    assert "canary" not in json.dumps(line)
