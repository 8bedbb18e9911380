"""A wallet's channel whose verdicts can be exchanged, call by call: what no simulated wallet says on demand.

Everything else is the real adapter: requests, signatures, notifications, bills. It must not know payments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

from gateway.channels.account import ChannelAccount
from gateway.channels.port import Channel, ChannelResponse, PreparedCall
from proof.wallets import opened_once

#: Which of a channel's calls can be twisted.
_CALLS: Final = ("pay", "precreate", "create", "query", "cancel", "close", "refund", "refund_query", "bill")

#: Takes the real verdict, gives what is said instead.
Twist = Callable[[Any], Any]


class Twists:
    """By the name of the call, a list that is used up; None stands for "as it is". `read_notification` too."""

    def __init__(self) -> None:
        self.planned: dict[str, list[Twist | None]] = {}

    def plan(self, call: str, *twists: Twist | None) -> None:
        self.planned.setdefault(call, []).extend(twists)

    def next(self, call: str) -> Twist | None:
        planned = self.planned.get(call)
        return planned.pop(0) if planned else None

    def opener(self, settings: str) -> tuple[ChannelAccount, Channel]:
        """`gateway.routing.accounts.Opener`."""
        account, channel = opened_once(settings)
        return account, cast("Channel", _TwistedChannel(channel, self))


def instead(verdict: Any) -> Twist:
    """Says this, whatever the wallet said."""
    return lambda _real: verdict


class _TwistedChannel:
    def __init__(self, channel: Channel, twists: Twists) -> None:
        self._channel = channel
        self._twists = twists

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._channel, name)
        if name in _CALLS:

            def twisted(*given: Any, **named: Any) -> PreparedCall[Any]:
                return self._twisted(name, real(*given, **named))

            return twisted
        return real

    def read_notification(self, *given: Any, **named: Any) -> Any:
        verdict = self._channel.read_notification(*given, **named)
        twist = self._twists.next("read_notification")
        return verdict if twist is None else twist(verdict)

    def _twisted(self, name: str, call: PreparedCall[Any]) -> PreparedCall[Any]:
        twist = self._twists.next(name)
        if twist is None:
            return call
        read, say = call.read, twist

        def read_twisted(answer: ChannelResponse) -> Any:
            return say(read(answer))

        return replace(call, read=read_twisted)
