"""After a backup was restored: what the tills began and this database does not know, and taking such payments up again.

A payment that is taken up goes the way of every other: it is asked for at its channel, and paid, undone or proven
absent. Its number at the channel is the one that the wallet's own books show. It must not know sockets or commands.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from gateway.channels.port import OrderKind
from gateway.jobs.keeping import PaceOf, keep, keep_new
from gateway.jobs.restored_told import follow_journal, may_be_asked
from gateway.jobs.schedule import CODE_DEADLINE_MS, next_action
from gateway.payments.moves import bump, order_ended
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Said, Step, key_ref
from gateway.ports import Clock, Entropy
from gateway.store import journal, payments, places, restorations, tasks
from gateway.store.anchor import Anchor
from gateway.store.journal import Begun
from gateway.store.places import AccountRow
from gateway.store.savepoints import Savepoint
from gateway.store.tasks import TaskKind
from gateway.store.units import Store, Tx
from protocol.messages import Presented
from protocol.money import CNY, MAX_AMOUNT_FEN
from protocol.numbers import order_of_out_trade_no, read_payment_no
from protocol.states import GatewayState, ProofKind

#: A journal may have come before the request that it is about: so far back it is looked for.
_BEFORE_MS: Final = 86_400_000
#: A query with another txnTime would find nothing, which would count as a proof.
_NAMED_BY_TIME: Final = frozenset({"unionpay"})


#: What is said of a payment when its order is ours again.
TAKEN_UP: Final = "taken_up"


class TakeUpRefusal(Enum):
    """Why an order cannot be taken up."""

    NOTHING_OPEN = "nothing_open"  # nothing is in question
    NOT_A_NUMBER = "not_a_number"
    KNOWN = "known"  # this very order is here
    NO_ACCOUNT = "no_account"
    NO_TIME = "no_time"  # this channel names orders by when they were made, too
    TWO_TILLS = "two_tills"  # two tills say that they began this order
    NOT_BEGUN = "not_begun"  # no till's journal says that it began it, and no page is in question
    OTHER_MERCHANT = "other_merchant"
    TAKEN = "taken"  # another payment of its order, or another order of this page, is open or paid


class InQuestion(Struct, frozen=True, kw_only=True):
    """A payment that may have been charged: as its till's journal tells it, or as it is here, open."""

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


async def take_anchor(store: Store, anchor: Anchor, clock: Clock, entropy: Entropy) -> str | None:
    """Finds out how it shows that this database is a backup, keeps it, and lets the file follow from now on. Raises
    OSError where the file cannot be written."""
    how = await look_at_anchor(store, anchor, clock, entropy)
    anchor.begin()
    await store.run(anchor.begun)
    return how


def in_question(tx: Tx, order_no: str = "") -> list[InQuestion]:
    """What the tills began before they heard from the restored gateway and is not known here, then what is here and in
    question; of one order, or all of the last days."""
    latest = restorations.latest_open(tx)
    from_ms = 0 if order_no or latest is None else latest.found_ms - _BEFORE_MS
    found: list[InQuestion] = []
    for begun in journal.begun_in_question(tx, received_from_ms=max(0, from_ms), text=order_no):
        payment = _told(begun, restorations.first_seq(tx))
        if payment is not None and order_no in ("", payment.key.order_no) and payments.find(tx, payment.key) is None:
            found.append(InQuestion(payment=payment, begun_ms=begun.at_ms))
    for key in restorations.in_question(tx):
        if order_no in ("", key.order_no):
            known = payments.find(tx, key)
            assert known is not None, "it was just selected"
            found.append(InQuestion(payment=known, begun_ms=known.created_ms))
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
    mine = in_question(tx, order_no)
    if not mine or not all(may_be_asked(tx, one.payment) for one in mine):
        return TakeUpRefusal.NOT_BEGUN
    if len({one.payment.key.terminal_id for one in mine}) > 1:
        return TakeUpRefusal.TWO_TILLS
    # A till begins the next try once the one before it is proven not paid: what is found now is of the latest.
    latest = max(mine, key=lambda one: one.payment.key.n)
    before, begun_ms = latest.payment, latest.begun_ms
    terminal = places.terminal(tx, before.key.terminal_id)
    if terminal is None or terminal.merchant_id != account.merchant_id:
        return TakeUpRefusal.OTHER_MERCHANT
    made_ms = min(begun_ms if sent_ms is None else sent_ms, now_ms)
    savepoint = Savepoint.begin(tx)
    try:
        for one in mine:
            if one.payment.in_question and one is not latest:
                follow_journal(tx, one.payment, pace_of, now_ms=now_ms)
        if not _make_way(tx, before, pace_of, person, now_ms=now_ms):
            savepoint.rollback()
            return TakeUpRefusal.TAKEN
        step = _taken(before, account, out_trade_no, person, made_ms=made_ms, now_ms=now_ms)
        if payments.find(tx, before.key) is not None:
            assert step.order is not None, "what is taken up has its order"
            payments.add_channel_order(tx, step.order)
            keep(tx, before, step, pace_of, now_ms=now_ms, order_before=step.order)
        else:
            keep_new(tx, step, pace_of, now_ms=now_ms)
        follow_journal(tx, step.payment, pace_of, now_ms=now_ms)
    except IntegrityError:
        savepoint.rollback()
        return TakeUpRefusal.TAKEN
    savepoint.commit()
    return before.key


def _make_way(tx: Tx, before: Payment, pace_of: PaceOf, person: str, *, now_ms: int) -> bool:
    """An order that a person took up by mistake, and of which its wallet knows nothing, gives its place to another. It
    is watched for late money like every other that ended: this may be the mistake."""
    if before.out_trade_no is None:
        return True
    mistaken = payments.order(tx, before.out_trade_no)
    assert mistaken is not None, "a payment's order is kept with it"
    taken_up = any(
        said.what == TAKEN_UP and said.detail == mistaken.out_trade_no for _, said in payments.events(tx, before.key)
    )
    asked = mistaken.asked_ms is not None  # before that nobody can say that its wallet does not know it
    if not taken_up or not asked or mistaken.ended_kind is not None or mistaken.transaction_id is not None:
        return False
    over = order_ended(mistaken, kind=ProofKind.NEVER_OPENED, said_by=person, now_ms=now_ms)
    payments.save_channel_order(tx, over, before=mistaken)
    action = next_action(before, over, pace_of(over.account_id), now_ms=now_ms)
    due_ms = None if action is None else action.due_ms
    tasks.put(tx, TaskKind.WORK, over.out_trade_no, due_ms=due_ms, account_id=over.account_id)
    return True


def go_on(tx: Tx, pace_of: PaceOf, *, person: str, reason: str, now_ms: int) -> tuple[PaymentKey, ...]:
    """A person saw to everything: what is not in question any more ends by our own rows again. Returns it."""
    keys = restorations.looked(tx, person=person, reason=reason, now_ms=now_ms)
    tasks.look_again(tx, now_ms=now_ms)
    for key in keys:
        known = payments.find(tx, key)
        assert known is not None, "it was just selected"
        empty = follow_journal(tx, known, pace_of, now_ms=now_ms)
        if empty.out_trade_no is not None or empty.state.final:
            continue
        wanted = empty.page and empty.cancel_requested_ms is None and empty.state is not GatewayState.REVERSING
        due_ms = empty.qr_expires_ms if wanted else now_ms
        tasks.put(tx, TaskKind.PAGE, key_ref(key), due_ms=due_ms, account_id=None)
    return keys


def _taken(before: Payment, account: AccountRow, out_trade_no: str, person: str, *, made_ms: int, now_ms: int) -> Step:
    """The payment with its order, whose call ended with the process that made it."""
    taken = replace(
        bump(before),
        state=GatewayState.SENT if before.state is GatewayState.CREATED else before.state,
        account_id=account.account_id,
        channel=account.channel,
        out_trade_no=out_trade_no,
        in_question=True,
    )
    order = ChannelOrder(
        out_trade_no=out_trade_no,
        key=before.key,
        account_id=account.account_id,
        amount_fen=before.amount_fen,
        sent_ms=made_ms,
        deadline_ms=now_ms + CODE_DEADLINE_MS,
        # None that these rows know of: unless it is seen paid, it may be a mistaken number, and its end proves nothing.
        calls=0,
        open_calls=0,
        call_closed_ms=now_ms,
        # A QR of a wallet's own would be made anew; an order of the page is only asked about.
        kind=OrderKind.CODE if before.presented is Presented.CUSTOMER else OrderKind.PAGE,
        channel=account.channel,
    )
    return Step(payment=taken, order=order, said=(Said(what=TAKEN_UP, said_by=person, detail=out_trade_no),))


def _told(begun: Begun, state_seq: int) -> Payment | None:
    """The payment that an entry says was begun."""
    try:
        said = msgspec.json.decode(begun.body, type=_Started)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    number = read_payment_no(said.payment_no)
    if number is None or not 0 < said.amount_fen <= MAX_AMOUNT_FEN or said.currency != CNY:
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
