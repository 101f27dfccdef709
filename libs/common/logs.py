"""JSON logs, one object a line, with secrets and personal data taken out last.

Context (request_id, tenant_id, user_id, delivery_id) is bound at the edge with
`structlog.contextvars` and joins every line below it.
"""

import logging
import re
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEY = re.compile(
    r"(password|passwd|secret|token|authorization|cookie|hmac|signature|api_?key|private_?key"
    r"|encryption_?key|ciphertext|dsn|database_url|amqp_url|body|payload|email|first_?name"
    r"|last_?name|phone|address)",
    re.IGNORECASE,
)
_SECRET_VALUES = (
    re.compile(r"sh(pat|prt|pca|pss|pua)_[A-Za-z0-9_-]+"),
    re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
    re.compile(r"(?<=://)[^/\s:@]+:[^@\s]+(?=@)"),
    re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+"),
    re.compile(r"(?<=[?&])(code|hmac|state|access_token|refresh_token|sig)=[^&\s\"']+"),
)
_REDACTED = "[redacted]"


def _redact(value: Any) -> Any:
    if isinstance(value, str):
        for pattern in _SECRET_VALUES:
            value = pattern.sub(_REDACTED, value)
        return value
    if isinstance(value, dict):
        return {
            key: _REDACTED if _SECRET_KEY.search(str(key)) else _redact(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [_redact(item) for item in value]
    return value


def redact_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last processor before output: whatever was bound before it cannot pass it."""
    return {
        key: _REDACTED if _SECRET_KEY.search(key) else _redact(value)
        for key, value in event.items()
    }


def _rename(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["severity"] = str(event.pop("level", "info")).upper()
    return event


def _to_json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send our logs and the libraries' to standard output as JSON. Call once, at start."""

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_service,
        structlog.processors.format_exc_info,
        _rename,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_secrets,
                structlog.processors.JSONRenderer(serializer=_to_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their INFO lines carry URLs with query strings, or a line a request.
    for noisy in ("httpx", "httpcore", "aio_pika", "aiormq", "asyncio", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It writes out the whole body of a message that came back after its publisher gave up.
    logging.getLogger("aiormq.channel").setLevel(logging.CRITICAL)


def get_logger() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return logger
