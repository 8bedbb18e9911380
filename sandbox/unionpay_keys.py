"""Makes the simulated UnionPay's keys, and turns them into text and back, so that whoever keeps a sandbox's keys may
keep these as files of PEM. The keys protect nothing but the sandbox itself."""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sandbox.problems import SandboxError
from sandbox.unionpay.certificates import UnionpayKeys, UnionpayNumbers, merchant_with
from sandbox.unionpay.merchant import UnionpayMerchant, private_pem

KEY_NAMES = ("root", "middle", "unionpay", "merchant")
_HINT = "Delete UnionPay's files in the key folder to have new keys made."


def new_unionpay_keys() -> UnionpayKeys:
    root, middle, unionpay, merchant = (generate_private_key(public_exponent=65537, key_size=2048) for _ in KEY_NAMES)
    return UnionpayKeys(root=root, middle=middle, unionpay=unionpay, merchant=merchant)


def new_unionpay_merchant(now_ms: int, numbers: UnionpayNumbers | None = None) -> UnionpayMerchant:
    """A merchant with fresh keys, its certificates in date around `now_ms`."""
    return merchant_with(new_unionpay_keys(), now_ms=now_ms, numbers=numbers)


def dump_unionpay_keys(keys: UnionpayKeys) -> Mapping[str, str]:
    """PEM by name (`KEY_NAMES`)."""
    return {
        "root": private_pem(keys.root),
        "middle": private_pem(keys.middle),
        "unionpay": private_pem(keys.unionpay),
        "merchant": private_pem(keys.merchant),
    }


def load_unionpay_keys(texts: Mapping[str, str]) -> UnionpayKeys:
    """Of what `dump_unionpay_keys` gave; `merchant_with(keys, now_ms=…)` makes the merchant. Raises SandboxError."""
    return UnionpayKeys(
        root=_load(texts, "root"),
        middle=_load(texts, "middle"),
        unionpay=_load(texts, "unionpay"),
        merchant=_load(texts, "merchant"),
    )


def _load(texts: Mapping[str, str], name: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(texts[name].encode("ascii"), password=None)
    except KeyError:
        raise SandboxError("key_unreadable", f"UnionPay's key {name} is missing.", _HINT) from None
    except ValueError as error:
        raise SandboxError("key_unreadable", f"UnionPay's key {name} is not a private key in PEM.", _HINT) from error
    if not isinstance(key, RSAPrivateKey):
        raise SandboxError("key_unreadable", f"UnionPay's key {name} is not an RSA key.", _HINT)
    return key
