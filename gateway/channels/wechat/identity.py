"""Who an account is at WeChat Pay, in the names of v2 and of v3.

A partner's call names the service provider and its sub-merchant; a direct merchant's call only itself. An answer must
name the same. It must not know keys or calls.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gateway.channels.account import AccountMode, ChannelAccount


class Identity(Struct, frozen=True, kw_only=True):
    """`sub_mch_id` None: a direct merchant."""

    appid: str
    mch_id: str
    sub_appid: str | None = None
    sub_mch_id: str | None = None

    @property
    def v2(self) -> dict[str, str]:
        named = {"appid": self.appid, "mch_id": self.mch_id}
        if self.sub_mch_id is not None:
            named["sub_mch_id"] = self.sub_mch_id
            if self.sub_appid is not None:
                named["sub_appid"] = self.sub_appid
        return named

    @property
    def v3(self) -> dict[str, str]:
        """With applications, as orders and reverses have it."""
        if self.sub_mch_id is None:
            return {"appid": self.appid, "mchid": self.mch_id}
        applications = {"sp_appid": self.appid} if self.sub_appid is None else self._both
        return {**applications, **self.v3_merchant}

    @property
    def v3_merchant(self) -> dict[str, str]:
        """Without applications, as queries and closes have it."""
        if self.sub_mch_id is None:
            return {"mchid": self.mch_id}
        return {"sp_mchid": self.mch_id, "sub_mchid": self.sub_mch_id}

    @property
    def v3_sub_merchant(self) -> dict[str, str]:
        """The sub-merchant alone, as refunds and bills have it."""
        return {} if self.sub_mch_id is None else {"sub_mchid": self.sub_mch_id}

    @property
    def v3_orders(self) -> str:
        return "/v3/pay/transactions" if self.sub_mch_id is None else "/v3/pay/partner/transactions"

    @property
    def _both(self) -> dict[str, str]:
        return {"sp_appid": self.appid, "sub_appid": self.sub_appid or ""}

    def foreign_v2(self, told: Mapping[str, str]) -> list[str]:
        """Names in a v2 message that are not ours; one that is absent or empty is none."""
        ours = {"sub_mch_id": "", **self.v2}
        return [name for name, value in ours.items() if told.get(name, "") not in ("", value)]

    def foreign_v3(self, told: Mapping[str, object]) -> list[str]:
        """The same in a v3 message. A direct merchant's order has no service provider, and the other way round."""
        ours = {"sp_mchid": "", "sub_mchid": "", "mchid": "", **self.v3}
        return [name for name, value in ours.items() if told.get(name, "") not in ("", value)]


def identity_of(account: ChannelAccount) -> Identity:
    """Raises AccountError."""
    partner = account.mode is AccountMode.PARTNER
    return Identity(
        appid=account.text("appid"),
        mch_id=account.text("mch_id"),
        sub_appid=account.optional("sub_appid") if partner else None,
        sub_mch_id=account.text("sub_mch_id") if partner else None,
    )
