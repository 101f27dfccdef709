"""What runs on a data folder now: one private JSON file, replaced whole at every change."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from libs.ops.errors import OperationError
from libs.ops.files import read_json, write_json

_SECRET = {"database_url", "amqp_url", "shopify_api_secret"}


@dataclass(frozen=True, slots=True)
class State:
    """The addresses and processes of one running copy.

    `management_url` is the broker's, where it answers us. `simulator` and `shopify_api_secret`
    are set only where the simulator runs.
    """

    gateway: str
    webhooks: str
    database_url: str
    amqp_url: str
    management_url: str | None = None
    oauth: str | None = None
    ingestor: str | None = None
    analytics: str | None = None
    simulator: str | None = None
    shopify_api_secret: str | None = None
    pids: Mapping[str, int] = field(default_factory=dict)

    def with_pids(self, pids: Mapping[str, int]) -> "State":
        return replace(self, pids=dict(pids))

    def announced(self) -> dict[str, Any]:
        """What may be shown to anybody: no URL with a password in it, no secret."""
        return {name: value for name, value in self.as_json().items() if name not in _SECRET}

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def write_state(data_dir: Path, state: State) -> None:
    write_json(_path(data_dir), state.as_json())


def read_state(data_dir: Path) -> State:
    """Raises OperationError when nothing was started on this folder."""
    content = read_json(_path(data_dir))
    if not content:
        raise OperationError(
            f"nothing runs on the data folder {data_dir}: start it with `tillstream up`, "
            "or name another folder with --data-dir"
        )
    return State(**content)


def clear_state(data_dir: Path) -> None:
    _path(data_dir).unlink(missing_ok=True)


def _path(data_dir: Path) -> Path:
    return data_dir / "state.json"
