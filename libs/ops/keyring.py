"""Secrets generated once per data folder and kept in one private file of it."""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from libs.common.clock import utc_now
from libs.ops.files import read_json, write_json


def password() -> str:
    """At least 143 bits; only characters that need no escaping in a URL or a shell."""
    return secrets.token_urlsafe(24)


def key_32() -> str:
    """32 random bytes in base64: an Ed25519 seed or an AES-256 key."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def public_keys(private: Mapping[str, str]) -> str:
    """CALLER_PUBLIC_KEYS: the public half of each caller's key, by caller's name."""
    return ",".join(f"{name}={_public_key(seed)}" for name, seed in private.items())


def _public_key(seed: str) -> str:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def stored(path: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """The secrets in `path`; the ones it lacks are made and written first."""
    kept: dict[str, str] = read_json(path)
    missing = {name: make() for name, make in makers.items() if name not in kept}
    if missing:
        kept |= missing
        write_json(path, kept)
    _note_ages(path, kept)
    return kept


def made_at(path: Path) -> dict[str, datetime]:
    """When each of the secrets in `path` was first seen there, by name."""
    ages = read_json(_ages_path(path))
    return {name: datetime.fromisoformat(age["since"]) for name, age in ages.items()}


def _note_ages(path: Path, kept: Mapping[str, str]) -> None:
    """A secret that was replaced by hand is a new one: it has another fingerprint."""
    before = read_json(_ages_path(path))
    now = utc_now().isoformat()
    after = {}
    for name, secret in kept.items():
        fingerprint = hashlib.sha256(secret.encode()).hexdigest()[:16]
        known = before.get(name, {})
        since = known["since"] if known.get("fingerprint") == fingerprint else now
        after[name] = {"fingerprint": fingerprint, "since": since}
    if after != before:
        write_json(_ages_path(path), after)


def _ages_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}-ages.json")
