"""What the URL of a PostgreSQL says about TLS: libpq's parameters, read strictly.

A parameter that is misspelt, repeated or unknown would otherwise be dropped, and the connection be
weaker than it looks.
"""

import os
from urllib.parse import parse_qsl, urlsplit

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_NEVER_PLAIN = frozenset({"require", "verify-ca", "verify-full"})
_VERIFYING = frozenset({"verify-ca", "verify-full"})
_FILES = frozenset({"sslrootcert", "sslcert", "sslkey"})


def tls_parameters(url: str) -> dict[str, str]:
    """`sslmode` and the files of certificates in `url`, by name.

    Raises ValueError, without the URL in it, for what cannot be relied on: an unknown or repeated
    parameter, a file that cannot be read, or nothing to verify the server's certificate by.
    """
    found: dict[str, str] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if not name.lower().startswith("ssl"):
            continue
        if name != "sslmode" and name not in _FILES:
            raise ValueError("has an unknown parameter that begins with ssl")
        if name in found:
            raise ValueError(f"has {name} twice")
        if name in _FILES and not os.access(value, os.R_OK):
            raise ValueError(f"names a file in {name} that cannot be read")
        found[name] = value
    mode = found.get("sslmode")
    if mode is not None and mode not in SSL_MODES:
        raise ValueError(f"must have an sslmode of {', '.join(SSL_MODES)}")
    if mode in _VERIFYING and "sslrootcert" not in found:
        raise ValueError(f"must name the authority's certificate in sslrootcert for {mode}")
    return found


def is_never_plain(url: str) -> bool:
    """Whether no connection by `url` can be without TLS: `prefer` and `allow` fall back."""
    return tls_parameters(url).get("sslmode") in _NEVER_PLAIN
