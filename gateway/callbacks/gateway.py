"""`POST /notify/{channel}/{account}`: takes one notification and answers it in the wallet's own words.

Rules
- Whatever comes is a value: hostile bytes are refused, counted and kept, and never an error.
- Verified over the raw bytes by the channel; decided and kept in one transaction; answered after it, at once.
- Anybody can reach this address: of what is not accepted so much an hour is kept for each account, the rest is counted.
- Nothing of a body is logged.
It must not know web servers, or decide anything about money: `gateway.payments` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import structlog

from gateway.callbacks.deciding import Decided, Deciding
from gateway.callbacks.letter import MOST_BYTES, Letter, name_of
from gateway.callbacks.outcomes import RECEIVED, Outcome
from gateway.channels.port import Channel, NotificationReply, NotificationVerdict
from gateway.channels.settings import SETTINGS
from gateway.jobs.calls import ChannelCalls
from gateway.routing.accounts import OpenAccount
from gateway.store import callbacks
from gateway.store.sealing import Seal
from gateway.store.units import Tx

KEPT_DAYS: Final = 180
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_KEPT_AN_HOUR: Final = 200
_PRUNE_EVERY_MS: Final = 600_000

NO_ACCOUNT: Final = NotificationReply(status=404, content_type="text/plain; charset=utf-8", body=b"fail")
NOT_NOW: Final = NotificationReply(status=503, content_type="text/plain; charset=utf-8", body=b"fail")


class CallbackGateway:
    """`wake`: tells the schedule that something may be due now. `kept_days`: how long notifications are kept."""

    def __init__(
        self, *, calls: ChannelCalls, seal: Seal, wake: Callable[[], None], kept_days: int = KEPT_DAYS
    ) -> None:
        self._calls = calls
        self._deciding = Deciding(calls=calls, seal=seal)
        self._wake = wake
        self._kept_ms = kept_days * _DAY_MS
        self._pruned_ms = 0
        self._hour = 0
        self._kept: Counter[str] = Counter()
        #: How many of each outcome came, by wallet.
        self.counts: Counter[tuple[str, Outcome]] = Counter()
        #: When each account's wallet last verifiably spoke.
        self.latest_ms: dict[str, int] = {}
        self._log = structlog.get_logger("gateway.callbacks")

    async def start(self) -> None:
        """Learns from the rows when each account last heard from its wallet."""
        outcomes = tuple(outcome.value for outcome in RECEIVED)
        self.latest_ms = await self._calls.store.run(lambda tx: callbacks.latest(tx, outcomes))

    async def handle(
        self, channel: str, account_id: str, headers: Mapping[str, str], body: bytes, remote: str
    ) -> NotificationReply:
        """`body`: as it came, at most `MOST_BYTES` + 1. Header names are lower-case. Raises StoreFailed."""
        letter = Letter(
            channel=channel,
            account_id=account_id,
            headers=headers,
            body=body,
            remote=remote,
            received_ms=self._calls.clock.now_ms(),
        )
        account = self._calls.accounts.find(account_id)
        if account is None or account.candidate.channel != channel:
            broken = account is None and account_id in self._calls.accounts.broken
            outcome = Outcome.ACCOUNT_BROKEN if broken else Outcome.UNKNOWN_ACCOUNT
            strange = letter if broken else replace(letter, account_id="?")
            await self._refuse(strange, outcome)
            return NOT_NOW if broken else NO_ACCOUNT
        decided = await self._judge(account, letter)
        return account.channel.notification_reply(received=decided.outcome.received)

    async def _judge(self, account: OpenAccount, letter: Letter) -> Decided:
        if len(letter.body) > MOST_BYTES:
            return await self._refuse(letter, Outcome.OVERSIZED)
        verdict = self._read(account.channel, letter)
        if verdict is None:
            return await self._refuse(letter, Outcome.DEFECT)
        kept = self._may_keep(letter)

        decided = await self._pruned(letter, lambda tx: self._deciding.decide(tx, letter, verdict, kept=kept))
        self._heard(letter, decided, kept=kept)
        return decided

    def _read(self, channel: Channel, letter: Letter) -> NotificationVerdict | None:
        try:
            return channel.read_notification(letter.notification, now_ms=letter.received_ms)
        except Exception as error:  # noqa: BLE001 - a defect in an adapter must not lose what came
            self._log.error("notification not read", account=letter.account_id, error=type(error).__name__)
            return None

    async def _refuse(self, letter: Letter, outcome: Outcome) -> Decided:
        kept = self._may_keep(letter)
        decided = Decided(outcome=outcome)

        if kept:
            decided = await self._pruned(letter, lambda tx: self._deciding.refuse(tx, letter, outcome, kept=True))
        self._heard(letter, decided, kept=kept)
        return decided

    def _heard(self, letter: Letter, decided: Decided, *, kept: bool) -> None:
        """Counted, and told to whoever waits; after the commit."""
        outcome = decided.outcome
        wallet = letter.channel if letter.channel in SETTINGS else "other"
        self.counts[wallet, outcome] += 1
        if outcome is not Outcome.ACCEPTED and kept:
            self._kept[letter.account_id] += 1
        if outcome.received:
            self.latest_ms[letter.account_id] = letter.received_ms
        elif kept:
            self._log.warning("notification refused", account=name_of(letter.account_id), outcome=outcome.value)
        if decided.changed is not None:
            self._calls.waiters.wake(decided.changed)
        if outcome is Outcome.ACCEPTED:
            self._wake()

    def _may_keep(self, letter: Letter) -> bool:
        """Whether this hour's share of what is not accepted has room."""
        hour = letter.received_ms // _HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._kept.clear()
        return self._kept[letter.account_id] < _KEPT_AN_HOUR

    async def _pruned(self, letter: Letter, decide: Callable[[Tx], Decided]) -> Decided:
        """What is decided; where it is time, what is old goes in the same transaction."""
        now_ms = letter.received_ms
        due = now_ms - self._pruned_ms >= _PRUNE_EVERY_MS

        def unit(tx: Tx) -> Decided:
            if due:
                callbacks.prune(tx, before_ms=now_ms - self._kept_ms)
            return decide(tx)

        decided = await self._calls.store.run(unit)
        if due:
            self._pruned_ms = now_ms
        return decided
