"""Decides one verified or refused notification and keeps it with what came of it, all in the caller's transaction.

Rules
- It is kept before it is answered, and applied in the same transaction: "received" is said after both are durable.
- What moves a payment or a refund is decided by `gateway.payments` and kept by the same functions as a query's answer;
  keeping it sets the next task anew, so a notification cancels the query that was planned.
- The order must be this account's: one that another account made is unknown here.
- After a backup was restored, an order that is unknown is taken up if a till says that it began its payment.
It must not know HTTP, or the words in which a wallet is answered.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from gateway.callbacks.letter import Letter, name_of
from gateway.callbacks.outcomes import FORGED, Outcome, believed_not
from gateway.channels.port import (
    NotBelieved,
    NotificationVerdict,
    NotifiedNothing,
    Paid,
    PaymentNotified,
    RefundNotified,
)
from gateway.jobs.calls import ChannelCalls, found
from gateway.jobs.keeping import keep, keep_refund
from gateway.jobs.refund_desk import apply_refund
from gateway.jobs.restored import TakeUpRefusal, take_up
from gateway.payments.notified import (
    answer_notification,
    ask_about_refund,
    notified_wrongly,
    payment_differs,
    proves_refund,
    refund_differs,
)
from gateway.payments.undo import with_amber
from gateway.payments.values import Alarm, AlarmKind, ChannelOrder, Payment, PaymentKey, Refund, Step, key_ref
from gateway.store import alarms, callbacks, payments, refunds
from gateway.store.callbacks import Callback
from gateway.store.sealing import Seal
from gateway.store.units import Tx


class Decided(Struct, frozen=True, kw_only=True):
    """`changed`: whoever waits for this payment is told."""

    outcome: Outcome
    changed: PaymentKey | None = None


class Deciding:
    """`calls`: what it shares with the desks that poll."""

    def __init__(self, *, calls: ChannelCalls, seal: Seal) -> None:
        self._calls = calls
        self._seal = seal

    def refuse(self, tx: Tx, letter: Letter, outcome: Outcome, *, kept: bool) -> Decided:
        """Nothing is applied. `kept`: false when this hour's share of refused ones is used up."""
        if outcome in FORGED:
            alarm = Alarm(kind=AlarmKind.FORGED_CALLBACK, detail=f"{outcome.value} from {letter.remote[:64]}")
            alarms.raise_alarm(tx, alarm, about=letter.account_id, now_ms=letter.received_ms)
        if kept:
            callbacks.add(tx, self._row(letter, outcome))
        return Decided(outcome=outcome)

    def decide(self, tx: Tx, letter: Letter, verdict: NotificationVerdict, *, kept: bool) -> Decided:
        match verdict:
            case NotBelieved():
                return self.refuse(tx, letter, believed_not(verdict.why), kept=kept)
            case NotifiedNothing():
                return self._kept(tx, letter, Outcome.NOTHING, verdict, kept=kept)
            case PaymentNotified():
                return self._payment(tx, letter, verdict, kept=kept)
            case RefundNotified():
                return self._refund(tx, letter, verdict, kept=kept)
            case _:
                assert_never(verdict)

    def _payment(self, tx: Tx, letter: Letter, notified: PaymentNotified, *, kept: bool) -> Decided:
        order = self._order(tx, letter, notified.out_trade_no) or self._taken_up(tx, letter, notified)
        if order is None:
            return self._kept(tx, letter, Outcome.UNKNOWN_ORDER, notified, kept=kept)
        fields = payment_differs(notified, order)
        if fields:
            return self._differs(tx, letter, notified, order, fields, kept=kept)
        if not self._first(tx, letter, notified):
            return self._kept(tx, letter, Outcome.REPEAT, notified, kept=kept)
        before, order = found(tx, order.out_trade_no)
        step = answer_notification(
            before, order, notified.verdict, said_by=order.channel, received_ms=letter.received_ms
        )
        return self._applied(tx, before, order, step, letter)

    def _refund(self, tx: Tx, letter: Letter, notified: RefundNotified, *, kept: bool) -> Decided:
        refund = None if notified.refund_no is None else refunds.find(tx, notified.refund_no)
        order = self._order(tx, letter, refund.out_trade_no if refund is not None else notified.out_trade_no)
        if order is None:
            return self._kept(tx, letter, Outcome.UNKNOWN_ORDER, notified, kept=kept)
        if notified.refund_no is not None and refund is None:
            return self._foreign_refund(tx, letter, notified, order, kept=kept)
        fields = () if refund is None else refund_differs(notified, refund)
        if fields:
            return self._differs(tx, letter, notified, order, fields, kept=kept)
        if not self._first(tx, letter, notified):
            return self._kept(tx, letter, Outcome.REPEAT, notified, kept=kept)
        about = refunds.of_order(tx, order.out_trade_no) if refund is None else [refund]
        for one in about:
            self._apply_refund(tx, letter, notified, one)
        return Decided(outcome=Outcome.ACCEPTED, changed=order.key)

    def _apply_refund(self, tx: Tx, letter: Letter, notified: RefundNotified, refund: Refund) -> None:
        if notified.refund_no is not None and proves_refund(notified, refund):
            apply_refund(tx, self._calls, refund.refund_no, notified.verdict, said_by=refund.channel, asked_ms=None)
            return
        keep_refund(tx, refund, ask_about_refund(refund), self._calls.pace_of, now_ms=letter.received_ms)

    def _foreign_refund(
        self, tx: Tx, letter: Letter, notified: RefundNotified, order: ChannelOrder, *, kept: bool
    ) -> Decided:
        """Money of ours went back, and no till and no rule here asked for it."""
        alarm = Alarm(kind=AlarmKind.MISMATCH, detail="a refund that this gateway did not make")
        alarms.raise_alarm(tx, alarm, about=key_ref(order.key), now_ms=letter.received_ms)
        return self._kept(tx, letter, Outcome.UNKNOWN_REFUND, notified, kept=kept)

    def _differs(
        self,
        tx: Tx,
        letter: Letter,
        notified: PaymentNotified | RefundNotified,
        order: ChannelOrder,
        fields: tuple[str, ...],
        *,
        kept: bool,
    ) -> Decided:
        before, order = found(tx, order.out_trade_no)
        step = notified_wrongly(before, order, fields, said_by=order.channel)
        step = step if kept else replace(step, said=())
        keep(tx, before, step, self._calls.pace_of, now_ms=letter.received_ms, order_before=order)
        return self._kept(tx, letter, Outcome.DIFFERS, notified, kept=kept)

    def _applied(self, tx: Tx, before: Payment, order: ChannelOrder, step: Step, letter: Letter) -> Decided:
        even_since_ms = self._calls.clock.even_since_ms()
        step = with_amber(step, now_ms=letter.received_ms, even_since_ms=even_since_ms)
        keep(tx, before, step, self._calls.pace_of, now_ms=letter.received_ms, order_before=order)
        changed = step.payment.state_seq != before.state_seq
        return Decided(outcome=Outcome.ACCEPTED, changed=before.key if changed else None)

    def _order(self, tx: Tx, letter: Letter, out_trade_no: str) -> ChannelOrder | None:
        order = payments.order(tx, out_trade_no)
        return order if order is not None and order.account_id == letter.account_id else None

    def _taken_up(self, tx: Tx, letter: Letter, notified: PaymentNotified) -> ChannelOrder | None:
        """After a backup was restored, the wallet itself tells of a paid order that is not here: it is ours again."""
        if not isinstance(notified.verdict, Paid):
            return None
        taken = take_up(
            tx,
            notified.out_trade_no,
            letter.account_id,
            self._calls.pace_of,
            person=letter.channel,
            sent_ms=None,
            now_ms=letter.received_ms,
        )
        return None if isinstance(taken, TakeUpRefusal) else self._order(tx, letter, notified.out_trade_no)

    def _first(self, tx: Tx, letter: Letter, notified: PaymentNotified | RefundNotified) -> bool:
        """Keeps it as accepted; false when this event was accepted before."""
        return callbacks.add_accepted(tx, self._row(letter, Outcome.ACCEPTED, notified))

    def _kept(
        self,
        tx: Tx,
        letter: Letter,
        outcome: Outcome,
        verdict: PaymentNotified | RefundNotified | NotifiedNothing,
        *,
        kept: bool,
    ) -> Decided:
        if kept:
            callbacks.add(tx, self._row(letter, outcome, verdict))
        return Decided(outcome=outcome)

    def _row(
        self,
        letter: Letter,
        outcome: Outcome,
        verdict: PaymentNotified | RefundNotified | NotifiedNothing | None = None,
    ) -> Callback:
        about_order = isinstance(verdict, PaymentNotified | RefundNotified)
        return Callback(
            account_id=name_of(letter.account_id),
            channel=name_of(letter.channel),
            received_ms=letter.received_ms,
            remote=letter.remote[:64],
            sealed=self._seal.seal(letter.packed(whole=outcome.received), about=letter.about),
            size=len(letter.body),
            outcome=outcome.value,
            event_id=None if verdict is None else verdict.event_id[:128],
            out_trade_no=verdict.out_trade_no[:64] if about_order else None,
            processed_ms=letter.received_ms if outcome is Outcome.ACCEPTED else None,
        )
