"""How ACP 5.1.0 signs: method 01 (RSA, hashed twice) and method 11 (SHA-256 with a shared key).

The text is every field but `signature`, sorted by name, `name=value&…`, raw. What is sent has no empty field; what
came is checked with every field that came. Must not know: HTTP, which fields mean what.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from enum import Enum
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.unionpay.merchant import UnionpayMerchant, certificate_pem


class SignMethod(Enum):
    RSA = "01"
    KEY = "11"


def string_to_sign(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "signature")


def sha256_hex(text: str) -> str:
    """Lower-case."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def key_signature(fields: Mapping[str, str], secret_key: str) -> str:
    """Method 11."""
    return sha256_hex(f"{string_to_sign(fields)}&{sha256_hex(secret_key)}")


def sealed(fields: Mapping[str, str], method: SignMethod, merchant: UnionpayMerchant) -> dict[str, str]:
    """The fields as UnionPay sends them: without empty ones, signed as the request was."""
    whole = {name: value for name, value in fields.items() if value} | {"signMethod": method.value}
    match method:
        case SignMethod.RSA:
            whole["signPubKeyCert"] = certificate_pem(merchant.unionpay.certificate).strip().replace("\n", "\r\n")
            digest = sha256_hex(string_to_sign(whole)).encode("ascii")
            signature = merchant.unionpay.key.sign(digest, PKCS1v15(), SHA256())
            whole["signature"] = base64.b64encode(signature).decode("ascii")
        case SignMethod.KEY:
            whole["signature"] = key_signature(whole, merchant.secret_key)
    return whole


def is_signed(fields: Mapping[str, str], method: SignMethod, merchant: UnionpayMerchant) -> bool:
    """Whether the merchant wrote every field."""
    signature = fields.get("signature", "")
    match method:
        case SignMethod.RSA:
            known = fields.get("certId") == merchant.merchant.cert_id
            return known and _rsa_verifies(merchant.merchant.key.public_key(), fields, signature)
        case SignMethod.KEY:
            return compare_digest(key_signature(fields, merchant.secret_key).encode(), signature.encode())


def _rsa_verifies(key: RSAPublicKey, fields: Mapping[str, str], signature: str) -> bool:
    digest = sha256_hex(string_to_sign(fields)).encode("ascii")
    try:
        key.verify(base64.b64decode(signature, validate=True), digest, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
