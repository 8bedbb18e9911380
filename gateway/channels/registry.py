"""Which wallets there are, by the name that accounts use.

It must not know accounts' storage; opening loads keys, so the caller keeps what it opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.channels.account import AccountError, ChannelAccount
from gateway.channels.alipay.channel import NAME as ALIPAY
from gateway.channels.alipay.channel import open_alipay
from gateway.channels.port import Channel
from gateway.channels.unionpay.opening import NAME as UNIONPAY
from gateway.channels.unionpay.opening import open_unionpay
from gateway.channels.wechat.opening import NAME as WECHAT
from gateway.channels.wechat.opening import open_wechat

CHANNELS: Final[Mapping[str, Callable[[ChannelAccount], Channel]]] = {
    ALIPAY: open_alipay,
    UNIONPAY: open_unionpay,
    WECHAT: open_wechat,
}


def open_channel(account: ChannelAccount) -> Channel:
    """The account as a channel, its keys loaded. Raises AccountError: unknown wallet, unreadable key."""
    opener = CHANNELS.get(account.channel)
    if opener is None:
        known = ", ".join(sorted(CHANNELS))
        raise AccountError(account=account.id, where="channel", hint=f"is not a wallet this gateway speaks to: {known}")
    return opener(account)
