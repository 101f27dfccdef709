"""What the command line says."""

from pathlib import Path

from msgspec import Struct

from libs.simulator.model import GeneratedShop


class App(Struct, frozen=True):
    """The one app that may be installed. `redirect_uris` are allowed beginnings.

    `compliance_uri` takes the webhooks of privacy law; without it there are none. `url` is where
    the admin opens the app.
    """

    key: str
    secret: str
    redirect_uris: tuple[str, ...] = ()
    compliance_uri: str | None = None
    url: str | None = None


class FileShop(Struct, frozen=True):
    domain: str
    path: Path
    currency: str = "USD"
    zone: str = "UTC"


class Settings(Struct, frozen=True):
    """`scale` multiplies the pauses between a webhook's tries, and the wait for shop/redact."""

    host: str
    port: int
    data_dir: Path
    app: App
    cdnow: Path | None = None
    file_shops: tuple[FileShop, ...] = ()
    generated: GeneratedShop | None = None
    scale: float = 1.0
    tls: bool = False
