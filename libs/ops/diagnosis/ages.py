"""How old are the keys, and how long do the certificates of the doors and servers last?"""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from libs.common.clock import utc_now
from libs.ops.diagnosis.findings import Finding
from libs.ops.keyring import made_at

MAX_KEY_AGE = timedelta(days=365)
MIN_CERTIFICATE_LIFE = timedelta(days=21)
_CONNECT_TIMEOUT_SECONDS = 5
_PORTS = {"https": 443, "amqps": 5671, "postgresql": 5432}
# PostgreSQL speaks TLS only after this message, which is answered with one letter.
# Source: PostgreSQL's documentation, "SSLRequest".
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_ROTATE = "replace them: docs/settings.md, Rotating keys, says how without an outage"
_RENEW = "renew it and restart what serves it"


def check_keys(secrets_file: Path) -> Finding:
    """The keys and passwords of the data folder, by the day on which each was first seen."""
    ages = made_at(secrets_file)
    if not ages:
        return Finding("keys", "not known: this data folder holds none")
    old = sorted(name for name, made in ages.items() if utc_now() - made > MAX_KEY_AGE)
    oldest = (utc_now() - min(ages.values())).days
    seen = f"{len(ages)}, the oldest {oldest} days old"
    if not old:
        return Finding("keys", seen)
    return Finding("keys", f"{seen}; over {MAX_KEY_AGE.days} days: {', '.join(old)}", _ROTATE)


async def check_certificates(urls: Mapping[str, str | None]) -> list[Finding]:
    """One finding for each of `urls` (by what answers there) that is served with TLS."""
    return [
        await _check_certificate(name, url)
        for name, url in urls.items()
        if url and _asks_for_tls(url)
    ]


def _asks_for_tls(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "amqps") or "sslmode=" in parts.query


async def _check_certificate(name: str, url: str) -> Finding:
    what = f"certificate of {name}"
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_SECONDS):
            ends = await _end_of_certificate(url)
    except (OSError, TimeoutError, ValueError) as error:
        return Finding(what, f"not known: {type(error).__name__}", "see why the door is shut")
    left = ends - utc_now()
    if left > MIN_CERTIFICATE_LIFE:
        return Finding(what, f"good until {ends:%Y-%m-%d}")
    state = "ended" if left <= timedelta(0) else "ends"
    return Finding(what, f"{state} on {ends:%Y-%m-%d}", _RENEW)


async def _end_of_certificate(url: str) -> datetime:
    """Raises OSError, or ValueError where no certificate is shown."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    # Only the date is read, and no secret is sent: an expired certificate must be readable too.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    late = parts.scheme == "postgresql"
    reader, writer = await asyncio.open_connection(host, port, ssl=None if late else context)
    try:
        if late:
            writer.write(_SSL_REQUEST)
            if await reader.readexactly(1) != b"S":
                raise ValueError("the server speaks no TLS")
            await writer.start_tls(context, server_hostname=host)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    if shown is None:
        raise ValueError("no certificate was shown")
    return x509.load_der_x509_certificate(shown).not_valid_after_utc.astimezone(UTC)
