"""Opens a WeChat Pay account: loads its keys, checks that its settings fit together, states its traits.

Rule: whatever would make every call of a kind fail is an AccountError that names the key of the file, and never a
secret. It must not know messages.
"""

from __future__ import annotations

from typing import Final

from gateway.channels.account import ChannelAccount
from gateway.channels.port import Channel, ChannelTraits, UndoAction
from gateway.channels.wechat.channel import V2Side, WechatChannel
from gateway.channels.wechat.identity import identity_of
from gateway.channels.wechat.keys import open_keys
from gateway.channels.wechat.v2_answers import V2Ours
from gateway.channels.wechat.v2_requests import V2Requests
from gateway.channels.wechat.v3_requests import V3Requests

NAME: Final = "wechat"

_QUERY_AT_MS: Final = tuple(range(3_000, 45_001, 3_000))
_DAY_MS: Final = 86_400_000
_PAGE: Final = ("app_secret", "authorize_url", "oauth_url")


def open_wechat(account: ChannelAccount) -> Channel:
    """Loads the account's keys. Raises AccountError."""
    notify_url = _checked(account)
    keys = open_keys(account)
    identity = identity_of(account)
    v2 = None
    if keys.v2 is not None:
        builder = V2Requests(
            base_url=account.base_url,
            certified_url=account.optional("secapi_url") or account.base_url,
            notify_url=notify_url,
            identity=identity,
            keys=keys.v2,
        )
        v2 = V2Side(builder=builder, ours=V2Ours(identity=identity, keys=keys.v2))
    return WechatChannel(
        account=account,
        identity=identity,
        keys=keys,
        v2=v2,
        v3=V3Requests(base_url=account.base_url, notify_url=notify_url, identity=identity, keys=keys),
        traits=_traits(account),
    )


def _traits(account: ChannelAccount) -> ChannelTraits:
    return ChannelTraits(
        channel=NAME,
        display_name="微信支付",
        min_query_interval_ms=account.min_query_interval_ms,
        query_interval_ms=account.min_query_interval_ms,
        code_open_ms=45_000,
        decide_after_ms=45_000,
        undo_not_before_ms=15_000,
        undo_window_ms=7 * _DAY_MS,
        undo_of_paid=UndoAction.REFUND,
        qr_unknown_until_scanned=False,
        query_at_ms=_QUERY_AT_MS,
        calls_per_second=account.calls_per_second,
        pages=not _missing_of_page(account),
    )


def _missing_of_page(account: ChannelAccount) -> list[str]:
    return [name for name in _PAGE if account.optional(name) is None and account.optional_secret(name) is None]


def _checked(account: ChannelAccount) -> str:
    """Its notify_url."""
    for key, url in (("base_url", account.base_url), ("secapi_url", account.optional("secapi_url"))):
        if url is not None and url.endswith("/"):
            raise account.error(key, "is the part before /pay/... and /v3/..., without a slash at its end")
    missing = _missing_of_page(account)
    if missing and len(missing) < len(_PAGE):
        raise account.error(missing[0], f"is missing: the page needs all of {', '.join(_PAGE)}")
    if account.notify_url is None:
        raise account.error("notify_url", "is missing: WeChat Pay takes no order for a QR or a page without it")
    return account.notify_url
