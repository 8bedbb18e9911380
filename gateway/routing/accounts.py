"""The channel accounts of this gateway, opened: keys loaded, each with its own line to the wallet.

An account that cannot be opened is named in `broken` and takes no payments; the others go on.
It must not know payments. Closing a line that is replaced is the caller's task.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from gateway.channels.account import AccountError, ChannelAccount, parse_account
from gateway.channels.port import Channel, Exchange
from gateway.channels.registry import open_channel
from gateway.routing.choose import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    candidate: Candidate
    channel: Channel = field(repr=False)
    exchange: Exchange = field(repr=False)
    settings: str = field(repr=False)


#: Makes the line to one account's wallet: real HTTP, or a simulation's.
ExchangeFor = Callable[[ChannelAccount], Exchange]
#: An account with its keys loaded, from its settings as JSON. Raises AccountError.
Opener = Callable[[str], tuple[ChannelAccount, Channel]]


def open_settings(settings: str) -> tuple[ChannelAccount, Channel]:
    """Parses and opens. Loading keys takes a tenth of a second: a world of many gateways opens each account once."""
    account = parse_account(cast("Mapping[str, object]", json.loads(settings)))
    return account, open_channel(account)


class Accounts:
    """Looked up by id; replaced as a whole when the owner applies a new file."""

    def __init__(self, exchange_for: ExchangeFor, opener: Opener = open_settings) -> None:
        self._exchange_for = exchange_for
        self._opener = opener
        self._open: dict[str, OpenAccount] = {}
        self.broken: dict[str, str] = {}

    def load(self, rows: Sequence[tuple[Candidate, str]]) -> None:
        """Opens what is new or changed and keeps what is not. `rows`: (candidate, settings as JSON)."""
        opened: dict[str, OpenAccount] = {}
        self.broken = {}
        for candidate, settings in rows:
            known = self._open.get(candidate.account_id)
            if known is not None and known.settings == settings:
                opened[candidate.account_id] = OpenAccount(
                    candidate=candidate, channel=known.channel, exchange=known.exchange, settings=settings
                )
                continue
            try:
                account, channel = self._opener(settings)
                line = self._exchange_for(account)
            except AccountError as error:
                self.broken[candidate.account_id] = error.hint
                continue
            # A line of its own: what changed may be the certificate that it shows, or whom it trusts.
            opened[candidate.account_id] = OpenAccount(
                candidate=candidate, channel=channel, exchange=line, settings=settings
            )
        self._open = opened

    def find(self, account_id: str) -> OpenAccount | None:
        return self._open.get(account_id)

    def pages(self, account_id: str) -> bool:
        """Whether this account can take payments on the page in its wallet's browser."""
        account = self._open.get(account_id)
        return account is not None and account.channel.traits.pages

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(account.candidate for account in self._open.values())

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(account.exchange for account in self._open.values())
