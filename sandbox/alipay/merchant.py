"""The one merchant that the simulated Alipay knows: its numbers and the two key pairs, in every form that SDKs want.

The keys are made by the sandbox for itself and open nothing else; they still stay out of repr.
Must not know: HTTP, files.
"""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from sandbox.alipay.certificates import CertificateChain


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    app_id: str
    seller_id: str
    store_name: str
    merchant_key: RSAPrivateKey
    """Signs requests: belongs to the shop, and is handed out by the sandbox."""
    wallet_key: RSAPrivateKey
    """Signs answers: never leaves the wallet."""
    chain: CertificateChain | None = None
    """Certificates over both keys. Without them there is no certificate mode."""
    app_auth_token: str = field(default="202611BBguitaisandboxpartner0000000X0001", repr=False)
    """With it a partner's application acts for this merchant. Calls without any token are the merchant's own."""

    def __repr__(self) -> str:
        return f"Merchant(app_id={self.app_id})"


def pkcs1_pem(key: RSAPrivateKey) -> str:
    return _private_pem(key, serialization.PrivateFormat.TraditionalOpenSSL)


def pkcs8_pem(key: RSAPrivateKey) -> str:
    return _private_pem(key, serialization.PrivateFormat.PKCS8)


def public_pem(key: RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode("ascii")


def _private_pem(key: RSAPrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode("ascii")
