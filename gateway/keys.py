"""The gateway's own keys: one signs answers, one is the root that an activation QR names. A 0600 file, said plainly.

Made at the first start. It must not know what is signed.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.ports import Entropy
from protocol.keys import b64url, fingerprint, private_key, public_text
from protocol.messages import PublicKeyEntry
from protocol.secret import Secret


class KeysUnreadable(Exception):
    """The key file is there and is not one."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not a key file of this gateway; restore it: terminals trust what it holds")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKeys:
    http: Ed25519PrivateKey = field(repr=False)
    root: Ed25519PrivateKey = field(repr=False)

    @property
    def http_kid(self) -> str:
        return fingerprint(public_text(self.http))

    @property
    def root_kid(self) -> str:
        """The fingerprint that an activation QR carries."""
        return fingerprint(public_text(self.root))

    @property
    def entries(self) -> tuple[PublicKeyEntry, ...]:
        return (
            PublicKeyEntry(kid=self.http_kid, use="http", public_key=public_text(self.http)),
            PublicKeyEntry(kid=self.root_kid, use="root", public_key=public_text(self.root)),
        )


def make_keys(entropy: Entropy) -> GatewayKeys:
    return GatewayKeys(
        http=Ed25519PrivateKey.from_private_bytes(entropy.bytes(32)),
        root=Ed25519PrivateKey.from_private_bytes(entropy.bytes(32)),
    )


def load_keys(path: Path, entropy: Entropy) -> GatewayKeys:
    """Reads the file, or makes it. Raises KeysUnreadable; never replaces a file that is there."""
    if not path.exists():
        _write_new(path, entropy)
    try:
        held: object = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise KeysUnreadable(path) from None
    match held:
        case {"http": str(http), "root": str(root)}:
            try:
                return GatewayKeys(http=private_key(Secret(http)), root=private_key(Secret(root)))
            except ValueError:
                raise KeysUnreadable(path) from None
        case _:
            raise KeysUnreadable(path)


def _write_new(path: Path, entropy: Entropy) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"http": b64url(entropy.bytes(32)), "root": b64url(entropy.bytes(32))})
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
