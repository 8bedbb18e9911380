"""The sandbox's TLS port: it shows the wallet's server certificate and demands a client certificate of its authority.

Python loads a key from a file only: it lies in a folder of its own for that moment, readable by its owner.
"""

import os
import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """PEM. `client_authority` signed the certificates of those who may connect."""

    certificate: str
    private_key: str = field(repr=False)
    client_authority: str


def server_context(identity: TlsIdentity) -> ssl.SSLContext:
    """TLS 1.2 and later, as the wallets' own servers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity.client_authority)
    with tempfile.TemporaryDirectory(prefix="sandbox-tls-") as folder:
        file = Path(folder) / "server.pem"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as pem:
            pem.write(identity.private_key + identity.certificate)
        context.load_cert_chain(file)
    return context
