"""Whose browser is asking: told from the User-Agent, in the order of published tokens. Pure.

A User-Agent is whatever its sender likes. It chooses which wallet's sign-in a phone is sent to, and nothing else: who
pays is what that wallet then says.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Wallet(StrEnum):
    """The first three by their channels' names."""

    WECHAT = "wechat"
    ALIPAY = "alipay"
    UNIONPAY = "unionpay"
    QQ = "qq"
    JD = "jd"


_LONGEST: Final = 1_024
_UNIONPAY: Final = re.compile(r"(?:^|[\s(;])UnionPay/[0-9]|\(com\.unionpay\.chsp\)")
_QQ: Final = re.compile(r"(?:^|\s)QQ/[0-9]")
_QQ_BUILD: Final = re.compile(r"V1_(?:AND|IPH)_SQ_")


def wallet_of(user_agent: str) -> Wallet | None:
    """None: no wallet's browser. WeChat's and QQ's also name MQQBrowser, which by itself is neither."""
    said = user_agent[:_LONGEST]
    if "MicroMessenger" in said:
        return Wallet.WECHAT
    if "AlipayClient" in said:
        return Wallet.ALIPAY
    if _UNIONPAY.search(said):
        return Wallet.UNIONPAY
    if _QQ.search(said) and _QQ_BUILD.search(said):
        return Wallet.QQ
    if "JDJR-App" in said:
        return Wallet.JD
    return None
