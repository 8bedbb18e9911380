"""Puts the simulated wallets together: their keys, their merchants, and what the TLS port shows.

The one place that knows each wallet's class; everything else reaches them by name. Certificates are made anew at each
start, over kept keys with the same bytes for a whole year.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from sandbox.alipay.merchant import Merchant
from sandbox.alipay.server import AlipayServer
from sandbox.alipay_papers import ALIPAY_ROOT_KEY, alipay_chain
from sandbox.codes import CodeBook
from sandbox.keys import ALIPAY_KEYS, alipay_merchant
from sandbox.tls import TlsIdentity
from sandbox.unionpay.certificates import UnionpayKeys
from sandbox.unionpay.certificates import merchant_with as unionpay_merchant_with
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.server import UnionpayServer
from sandbox.wallet import SimulatedWallet
from sandbox.wechat.certificates import WechatKeys, merchant_with
from sandbox.wechat.merchant import KeyMode, WechatMerchant, certificate_pem, private_pem
from sandbox.wechat.server import WechatServer
from sandbox.wire import RandomBytes

_YEAR_MS = 365 * 86_400_000

_WECHAT_KEYS = (
    "wechat-authority",
    "wechat-merchant",
    "wechat-platform-1",
    "wechat-platform-2",
    "wechat-tls",
    "wechat-wallet",
)
_UNIONPAY_KEYS = ("unionpay-root", "unionpay-middle", "unionpay-wallet", "unionpay-merchant")
KEY_NAMES = (*ALIPAY_KEYS, ALIPAY_ROOT_KEY, *_WECHAT_KEYS, *_UNIONPAY_KEYS)
"""Every key that `make_wallets` needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallets:
    """`by_name`: in the order in which the phone offers them."""

    by_name: Mapping[str, SimulatedWallet]
    tls: TlsIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchants:
    """The simulated shop at each wallet, with its certificates."""

    alipay: Merchant
    wechat: WechatMerchant
    unionpay: UnionpayMerchant


def make_merchants(
    keys: Mapping[str, RSAPrivateKey], *, now_ms: int, wechat_keys: KeyMode = KeyMode.SIDE_BY_SIDE
) -> Merchants:
    """`keys`: by the names in `KEY_NAMES`. `wechat_keys`: by what WeChat Pay signs."""
    certified_ms = now_ms - now_ms % _YEAR_MS
    return Merchants(
        alipay=replace(alipay_merchant(keys), chain=alipay_chain(keys, now_ms=certified_ms)),
        wechat=replace(_wechat_merchant(keys, certified_ms), key_mode=wechat_keys),
        unionpay=_unionpay_merchant(keys, certified_ms),
    )


def open_wallets(merchants: Merchants, *, random_bytes: RandomBytes) -> tuple[SimulatedWallet, ...]:
    """Fresh wallets without a trade, in the order in which the phone offers them."""
    return (
        AlipayServer(merchant=merchants.alipay, codes=CodeBook(random_bytes), random_bytes=random_bytes),
        WechatServer(merchant=merchants.wechat, codes=CodeBook(random_bytes), random_bytes=random_bytes),
        UnionpayServer(merchant=merchants.unionpay, codes=CodeBook(random_bytes), random_bytes=random_bytes),
    )


def make_wallets(
    keys: Mapping[str, RSAPrivateKey],
    *,
    random_bytes: RandomBytes,
    now_ms: int,
    wechat_keys: KeyMode = KeyMode.SIDE_BY_SIDE,
) -> Wallets:
    """Both at once. See `make_merchants`."""
    merchants = make_merchants(keys, now_ms=now_ms, wechat_keys=wechat_keys)
    wallets = open_wallets(merchants, random_bytes=random_bytes)
    return Wallets(by_name={wallet.name: wallet for wallet in wallets}, tls=_tls_identity(merchants.wechat))


def _wechat_merchant(keys: Mapping[str, RSAPrivateKey], certified_ms: int) -> WechatMerchant:
    return merchant_with(
        WechatKeys(
            authority=keys["wechat-authority"],
            merchant=keys["wechat-merchant"],
            platform=(keys["wechat-platform-1"], keys["wechat-platform-2"]),
            wallet=keys["wechat-wallet"],
            tls_server=keys["wechat-tls"],
        ),
        now_ms=certified_ms,
    )


def _unionpay_merchant(keys: Mapping[str, RSAPrivateKey], certified_ms: int) -> UnionpayMerchant:
    return unionpay_merchant_with(
        UnionpayKeys(
            root=keys["unionpay-root"],
            middle=keys["unionpay-middle"],
            unionpay=keys["unionpay-wallet"],
            merchant=keys["unionpay-merchant"],
        ),
        now_ms=certified_ms,
    )


def _tls_identity(wechat: WechatMerchant) -> TlsIdentity:
    """Only WeChat Pay demands client certificates."""
    return TlsIdentity(
        certificate=certificate_pem(wechat.tls_server.certificate),
        private_key=private_pem(wechat.tls_server.key),
        client_authority=certificate_pem(wechat.authority),
    )
