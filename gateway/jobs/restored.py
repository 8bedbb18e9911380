"""After a backup was restored: what the tills began and this database does not know, and taking such payments up again.

A payment that is taken up goes the way of every other: it is asked for at its channel, and paid, undone or proven
absent. Its number at the channel is the one that the wallet's own books show. It must not know sockets or commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from gateway.channels.port import OrderKind
from gateway.jobs.keeping import PaceOf, keep, keep_new
from gateway.jobs.schedule import CODE_DEADLINE_MS
from gateway.payments.moves import bump
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Said, Step, key_ref
from gateway.ports import Clock, Entropy
from gateway.store import journal, payments, places, restorations, tasks
from gateway.store.anchor import Anchor
from gateway.store.journal import Begun
from gateway.store.places import AccountRow
from gateway.store.tasks import TaskKind
from gateway.store.units import Store, Tx
from protocol.messages import Presented
from protocol.numbers import order_of_out_trade_no, read_payment_no
from protocol.states import GatewayState

#: A query with another txnTime would find nothing, which would count as a proof.
_NAMED_BY_TIME: Final = frozenset({"unionpay"})


class TakeUpRefusal(Enum):
    """Why an order cannot be taken up."""

    NOTHING_OPEN = "nothing_open"  # nothing is in question
    NOT_A_NUMBER = "not_a_number"
    KNOWN = "known"  # this very order is here
    NO_ACCOUNT = "no_account"
    NO_TIME = "no_time"  # this channel names orders by when they were made, too
    NOT_BEGUN = "not_begun"  # no till's journal says that it began it, and no page is in question
    OTHER_MERCHANT = "other_merchant"
    TAKEN = "taken"  # another payment of its order, or another order of this page, is open or paid


@dataclass(frozen=True, slots=True, kw_only=True)
class InQuestion:
    """A payment that may have been charged: as its till's journal tells it, or an open page as it is here."""

    payment: Payment
    begun_ms: int


class _Started(Struct, frozen=True):
    """What a till's entry says of a payment that it began; entries are its own words and may be anything."""

    payment_no: str = ""
    sale_id: str = ""
    amount_fen: int = 0
    currency: str = "CNY"
    subject: str = ""
    operator: str = ""
    presented: Presented = Presented.MERCHANT


async def look_at_anchor(store: Store, anchor: Anchor, clock: Clock, entropy: Entropy) -> str | None:
    """At start, before anything else: how it shows that this database is a backup, and that is kept."""

    def unit(tx: Tx) -> str | None:
        how = anchor.compare(tx, entropy)
        if how is not None:
            restorations.found(tx, how, now_ms=clock.now_ms())
        return how

    return await store.run(unit)


def in_question(tx: Tx) -> list[InQuestion]:
    """What the tills began before they heard from the restored gateway and is not known here, then the open pages."""
    since = restorations.unseen(tx)
    found: list[InQuestion] = []
    for begun in journal.begun_in_question(tx, received_from_ms=0 if since is None else since.found_ms):
        payment = _told(begun, restorations.first_seq(tx))
        if payment is not None and payments.find(tx, payment.key) is None:
            found.append(InQuestion(payment=payment, begun_ms=begun.at_ms))
    for key in restorations.pages_in_question(tx):
        page = payments.find(tx, key)
        assert page is not None, "it was just selected"
        found.append(InQuestion(payment=page, begun_ms=page.created_ms))
    return found


def take_up(
    tx: Tx, out_trade_no: str, account_id: str, pace_of: PaceOf, *, person: str, sent_ms: int | None, now_ms: int
) -> PaymentKey | TakeUpRefusal:
    """The order that a person found in the wallet's books, or that the wallet itself told of, is ours again. `sent_ms`:
    when it was made, where that is known; else it counts from when the till began it. `person`: who says so."""
    if not restorations.anything_lost(tx):
        return TakeUpRefusal.NOTHING_OPEN
    order_no = order_of_out_trade_no(out_trade_no)
    if order_no is None:
        return TakeUpRefusal.NOT_A_NUMBER
    if payments.order(tx, out_trade_no) is not None:
        return TakeUpRefusal.KNOWN
    account = next((row for row in places.accounts(tx) if row.account_id == account_id), None)
    if account is None:
        return TakeUpRefusal.NO_ACCOUNT
    if sent_ms is None and account.channel in _NAMED_BY_TIME:
        return TakeUpRefusal.NO_TIME
    mine = [one for one in in_question(tx) if one.payment.key.order_no == order_no]
    if not mine:
        return TakeUpRefusal.NOT_BEGUN
    before, begun_ms = mine[-1].payment, mine[-1].begun_ms
    terminal = places.terminal(tx, before.key.terminal_id)
    if terminal is None or terminal.merchant_id != account.merchant_id:
        return TakeUpRefusal.OTHER_MERCHANT
    if before.out_trade_no is not None:
        return TakeUpRefusal.TAKEN
    made_ms = min(begun_ms if sent_ms is None else sent_ms, now_ms)
    step = _taken(before, account, out_trade_no, person, made_ms=made_ms, now_ms=now_ms)
    try:
        if before.in_question:
            assert step.order is not None, "what is taken up has its order"
            payments.add_channel_order(tx, step.order)
            keep(tx, before, step, pace_of, now_ms=now_ms, order_before=step.order)
        else:
            keep_new(tx, step, pace_of, now_ms=now_ms)
    except IntegrityError:
        return TakeUpRefusal.TAKEN
    return before.key


def go_on(tx: Tx, *, person: str, reason: str, now_ms: int) -> tuple[PaymentKey, ...]:
    """A person saw to everything: pages end by our own rows again. Returns them."""
    keys = restorations.looked(tx, person=person, reason=reason, now_ms=now_ms)
    for key in keys:
        page = payments.find(tx, key)
        assert page is not None, "it was just selected"
        if page.state.final or page.out_trade_no is not None:
            continue
        wanted = page.cancel_requested_ms is None and page.state is not GatewayState.REVERSING
        tasks.put(tx, TaskKind.PAGE, key_ref(key), due_ms=page.qr_expires_ms if wanted else now_ms, account_id=None)
    return keys


def _taken(before: Payment, account: AccountRow, out_trade_no: str, person: str, *, made_ms: int, now_ms: int) -> Step:
    """The payment with its order, whose call ended with the process that made it."""
    taken = replace(
        bump(before),
        state=GatewayState.SENT if before.state is GatewayState.CREATED else before.state,
        account_id=account.account_id,
        channel=account.channel,
        out_trade_no=out_trade_no,
    )
    kind = OrderKind.CODE if before.presented is Presented.CUSTOMER else OrderKind.QR
    order = ChannelOrder(
        out_trade_no=out_trade_no,
        key=before.key,
        account_id=account.account_id,
        amount_fen=before.amount_fen,
        sent_ms=made_ms,
        deadline_ms=now_ms + CODE_DEADLINE_MS,
        open_calls=0,
        call_closed_ms=now_ms,
        kind=OrderKind.PAGE if before.page else kind,
        channel=account.channel,
    )
    return Step(payment=taken, order=order, said=(Said(what="taken_up", said_by=person, detail=out_trade_no),))


def _told(begun: Begun, state_seq: int) -> Payment | None:
    """The payment that an entry says was begun."""
    try:
        said = msgspec.json.decode(begun.body, type=_Started)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    number = read_payment_no(said.payment_no)
    if number is None or said.amount_fen <= 0:
        return None
    return Payment(
        key=PaymentKey(terminal_id=begun.terminal_id, order_no=number.order_no, n=number.n),
        sale_id=said.sale_id or None,
        amount_fen=said.amount_fen,
        currency=said.currency,
        presented=said.presented,
        subject=said.subject,
        operator=said.operator,
        expires_ms=None,
        created_ms=begun.at_ms,
        state=GatewayState.CREATED,
        state_seq=state_seq,
    )
