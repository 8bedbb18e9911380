"""Makes the sandbox's RSA keys, or reads them from a folder so that a restart keeps them.

The keys protect nothing but the sandbox itself; the folder's files are for their owner only all the same. Several are
made at a time, each on a thread of its own: a start waits for the slowest, not for their sum.
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.alipay.merchant import Merchant, pkcs8_pem
from sandbox.problems import SandboxError

APP_ID = "2021000117650139"
SELLER_ID = "2088621955702813"
STORE_NAME = "柜台演示店"
ALIPAY_KEYS = ("alipay-merchant", "alipay-wallet")
_THREADS = 4


def new_merchant() -> Merchant:
    """Alipay's merchant with fresh keys."""
    return alipay_merchant(fresh_keys(ALIPAY_KEYS))


def kept_merchant(folder: Path) -> Merchant:
    """Alipay's merchant whose keys lie in the folder; missing keys are made and put there."""
    return alipay_merchant(kept_keys(folder, ALIPAY_KEYS))


def alipay_merchant(keys: Mapping[str, RSAPrivateKey]) -> Merchant:
    return Merchant(
        app_id=APP_ID,
        seller_id=SELLER_ID,
        store_name=STORE_NAME,
        merchant_key=keys["alipay-merchant"],
        wallet_key=keys["alipay-wallet"],
    )


def fresh_keys(names: tuple[str, ...]) -> Mapping[str, RSAPrivateKey]:
    """By name."""
    return _each(names, lambda _: _new_key())


def kept_keys(folder: Path, names: tuple[str, ...]) -> Mapping[str, RSAPrivateKey]:
    """By name, from `NAME.pem` in the folder; what is missing is made and put there. Raises SandboxError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _each(names, lambda name: _kept_key(folder / f"{name}.pem"))


def _each(names: tuple[str, ...], make: Callable[[str], RSAPrivateKey]) -> Mapping[str, RSAPrivateKey]:
    with ThreadPoolExecutor(_THREADS) as threads:
        return dict(zip(names, threads.map(make, names), strict=True))


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
