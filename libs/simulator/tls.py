"""HTTPS with a certificate of a throw-away authority, made anew at every start."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from libs.common.errors import InvalidInputError

CA_FILE_NAME = "ca.pem"
_LOCAL_NAMES = ("localhost", "127.0.0.1")


def server_context(shops: Sequence[str], ca_path: Path) -> ssl.SSLContext:
    """Certified for `shops` and this machine. Writes the authority's certificate to `ca_path`.

    No private key stays on disk. Raises InvalidInputError when a name cannot be certified.
    """
    # Only --tls needs it, and it loads much.
    import trustme  # noqa: PLC0415

    authority = trustme.CA()
    try:
        certificate = authority.issue_cert(*shops, *_LOCAL_NAMES)
    except ValueError as error:
        raise InvalidInputError(
            f"--tls cannot certify the name of a --shop, give it another: {error}"
        ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(ca_path)
    return context
