"""Accounts at the simulated wallets whose judges of signatures say yes, so that bytes reach what lies behind them.

Everything else is the gateway's own: the readers, the tables of codes, the limits. Made once per process: the keys
take a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from random import Random
from typing import cast

from gateway.channels.alipay.channel import AlipayChannel
from gateway.channels.alipay.keys import Trust as AlipayTrust
from gateway.channels.alipay.keys import WalletKeys as AlipayKeys
from gateway.channels.port import BillKind, BillOf, Channel, OrderRef, RefundOrder
from gateway.channels.unionpay.channel import UnionPayChannel
from gateway.channels.unionpay.signing import Flaw
from gateway.channels.wechat.channel import WechatChannel
from gateway.channels.wechat.v3_signing import Trust as WechatTrust
from gateway.channels.wechat.v3_signing import WalletKeys as WechatKeys
from proof.wallets import account_settings, opened_once
from sandbox.keys import fresh_keys
from sandbox.wallets import KEY_NAMES, make_wallets

NOW_MS = 1_800_000_000_000
DAY = "2027-01-15"
REF = OrderRef(out_trade_no="0" * 27, amount_fen=1250, opened_ms=NOW_MS, transaction_id="1")
REFUND = RefundOrder(refund_no="R" * 25, order=REF, amount_fen=50, reason="", opened_ms=NOW_MS)
TRADE_BILL = BillOf(day=DAY, kind=BillKind.TRADE)


@dataclass(frozen=True, slots=True)
class _YesOfAlipay(AlipayKeys):
    def judge(self, signed: bytes, signature: str, *, number: str | None) -> AlipayTrust:
        return AlipayTrust.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class _YesOfWechat(WechatKeys):
    def judge(self, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> WechatTrust:
        return WechatTrust.GOOD if "wechatpay-serial" in headers else WechatTrust.UNSIGNED


class _YesOfUnionpay:
    """A seal that writes nothing and finds no flaw."""

    def sealed(self, fields: Mapping[str, str]) -> dict[str, str]:
        return dict(fields)

    def flaw(self, fields: Mapping[str, str], *, now_ms: int) -> Flaw | None:
        return None


@cache
def _opened() -> Mapping[str, Channel]:
    made = make_wallets(fresh_keys(KEY_NAMES), random_bytes=Random(1).randbytes, now_ms=NOW_MS)
    return {
        name: opened_once(json.dumps(account_settings(wallet, account_id=name, interval_ms=3_000)))[1]
        for name, wallet in made.by_name.items()
    }


@cache
def alipay() -> AlipayChannel:
    channel = cast("AlipayChannel", _opened()["alipay"])
    return replace(channel, ours=replace(channel.ours, wallet=_YesOfAlipay()))


@cache
def wechat() -> WechatChannel:
    channel = cast("WechatChannel", _opened()["wechat"])
    wallet = channel.keys.wallet
    return replace(
        channel, keys=replace(channel.keys, wallet=_YesOfWechat(by_serial=wallet.by_serial, asked=wallet.asked))
    )


@cache
def wechat_v3_only() -> WechatChannel:
    """Whose payment codes go by v3, too."""
    return replace(wechat(), v2=None)


@cache
def unionpay() -> UnionPayChannel:
    channel = cast("UnionPayChannel", _opened()["unionpay"])
    return replace(channel, seal=_YesOfUnionpay())


@cache
def honest(name: str) -> Channel:
    """With its real judge."""
    return _opened()[name]
