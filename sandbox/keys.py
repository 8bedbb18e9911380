"""Makes the sandbox's merchant and its RSA keys, or reads them from a folder so that a restart keeps them.

The keys protect nothing but the sandbox itself; the folder's files are for their owner only all the same.
"""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.alipay.merchant import Merchant, pkcs8_pem
from sandbox.problems import SandboxError

APP_ID = "2021000117650139"
SELLER_ID = "2088621955702813"
STORE_NAME = "柜台演示店"


def new_merchant() -> Merchant:
    """A merchant with fresh keys."""
    return _merchant(_new_key(), _new_key())


def kept_merchant(folder: Path) -> Merchant:
    """The merchant whose keys lie in the folder; missing keys are made and put there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _merchant(_kept_key(folder / "alipay-merchant.pem"), _kept_key(folder / "alipay-wallet.pem"))


def _merchant(merchant_key: RSAPrivateKey, wallet_key: RSAPrivateKey) -> Merchant:
    return Merchant(
        app_id=APP_ID, seller_id=SELLER_ID, store_name=STORE_NAME, merchant_key=merchant_key, wallet_key=wallet_key
    )


def _new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def _kept_key(path: Path) -> RSAPrivateKey:
    if not path.exists():
        key = _new_key()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(pkcs8_pem(key))
        return key
    hint = f"Delete {path.name} in the key folder to have a new key made."
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise SandboxError("key_unreadable", f"{path.name} is not a private key in PEM form.", hint) from error
    if not isinstance(key, RSAPrivateKey):
        raise SandboxError("key_unreadable", f"{path.name} is not an RSA key.", hint)
    return key
