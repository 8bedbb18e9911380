"""v3's cryptography: SHA256withRSA over exact bytes, AES-256-GCM for what is sent encrypted, and by which key
WeChat Pay signs to a merchant. v2's one cipher is here too. Must not know: HTTP servers, orders.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from sandbox.wechat.merchant import KeyMode, WechatMerchant
from sandbox.wire import RandomBytes, random_text

SCHEME = "WECHATPAY2-SHA256-RSA2048"
PROBE_MARK = "WECHATPAY/SIGNTEST/"
_NONCE_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
NONCE_BYTES = 12
_AES_BLOCK_BITS = 128


def rsa_sign(key: RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode("ascii")


def rsa_verifies(key: RSAPublicKey, message: bytes, signature_b64: str) -> bool:
    """Whether the signature is this key's over exactly these bytes. Text that is not base64 does not verify."""
    try:
        key.verify(base64.b64decode(signature_b64, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def new_nonce(random_bytes: RandomBytes, length: int = 32) -> str:
    return random_text(random_bytes, length, _NONCE_ALPHABET)


def encrypt_gcm(api_v3_key: str, plain: bytes, *, nonce: str, associated_data: str) -> str:
    """base64 of the ciphertext and its 16-byte tag."""
    sealed = AESGCM(api_v3_key.encode("ascii")).encrypt(nonce.encode("ascii"), plain, associated_data.encode("utf-8"))
    return base64.b64encode(sealed).decode("ascii")


def encrypt_req_info(api_v2_key: str, plain: bytes) -> str:
    """v2's refund notification: AES-256-ECB with PKCS#7, under the lower-case hex MD5 of the API key."""
    key = hashlib.md5(api_v2_key.encode("utf-8"), usedforsecurity=False).hexdigest().encode("ascii")
    padder = padding.PKCS7(_AES_BLOCK_BITS).padder()
    # The protocol's own mode; nothing but a simulation is behind it.
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    sealed = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(sealed).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key of WeChat Pay's with the name by which merchants find its public half."""

    serial: str
    key: RSAPrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.serial})"

    def headers(self, body: bytes, *, now_ms: int, nonce: str) -> Mapping[str, str]:
        """The headers that sign a body: of an answer or of a callback."""
        timestamp = str(now_ms // 1000)
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature": rsa_sign(self.key, f"{timestamp}\n{nonce}\n".encode("ascii") + body + b"\n"),
            "Wechatpay-Signature-Type": SCHEME,
        }


def public_key_signing(merchant: WechatMerchant) -> SigningKey:
    return SigningKey(serial=merchant.public_key_id, key=merchant.wallet_key)


def certificate_signing(merchant: WechatMerchant) -> SigningKey:
    newest = merchant.platform[-1]
    return SigningKey(serial=newest.serial_no, key=newest.key)


def answer_signing(merchant: WechatMerchant, asked_serial: str) -> SigningKey:
    """`asked_serial`: the request's `Wechatpay-Serial`, empty when it had none."""
    match merchant.key_mode:
        case KeyMode.PUBLIC_KEY:
            return public_key_signing(merchant)
        case KeyMode.CERTIFICATES:
            return certificate_signing(merchant)
        case KeyMode.SIDE_BY_SIDE:
            by_key = asked_serial == merchant.public_key_id
            return public_key_signing(merchant) if by_key else certificate_signing(merchant)


def callback_signing(merchant: WechatMerchant, turn: int) -> SigningKey:
    """In migration the callbacks are signed by either key in turn."""
    match merchant.key_mode:
        case KeyMode.PUBLIC_KEY:
            return public_key_signing(merchant)
        case KeyMode.CERTIFICATES:
            return certificate_signing(merchant)
        case KeyMode.SIDE_BY_SIDE:
            return public_key_signing(merchant) if turn % 2 else certificate_signing(merchant)
