"""The directory in a file: what a process knows that starts while PostgreSQL is out.

It holds domains and ids and nothing else; only its owner may read it.
"""

import os
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson

from libs.common.logs import get_logger
from services.webhooks.repository import Shop

_MAX_AGE_SECONDS = 24 * 3600
"""An older one is left alone: a shop may have been erased and connected again since, as another
tenant. Without a copy deliveries are taken all the same, and looked up later."""

log = get_logger()


def write_copy(path: Path, shops: Sequence[Shop]) -> None:
    """Replace the copy at once; a reader sees the old one or the new one. Raises OSError."""
    lines = [[shop.domain, str(shop.tenant_id), shop.status, shop.updated_at] for shop in shops]
    # Of this process alone: replicas may share the folder.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(orjson.dumps(lines))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def read_copy(path: Path) -> list[Shop]:
    """What the copy holds; nothing when there is none, or it is too old or not whole."""
    try:
        age = time.time() - path.stat().st_mtime
        lines = orjson.loads(path.read_bytes())
        shops = [
            Shop(domain, UUID(tenant_id), status, datetime.fromisoformat(updated_at))
            for domain, tenant_id, status, updated_at in lines
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError) as error:
        log.warning("directory_copy_not_read", error=type(error).__name__)
        return []
    if age > _MAX_AGE_SECONDS:
        log.warning("directory_copy_too_old", hours=round(age / 3600))
        return []
    return shops
