"""What a gateway whose database was put back must not claim, and what must come to light all the same. One function per
rule; ARCHITECTURE.md says what is promised.

It may forget what it did after the copy: payments, orders, refunds, acknowledgements, what it had told. It may not say
of what a till had begun by then that it was not charged, by its own rows alone, before a person said that he looked;
nor undo by itself what was open; nor open a second order; nor give a number twice. What a wallet took and the gateway
forgot is on the list that the owner is shown, and is known when all is calm.
"""

from __future__ import annotations

from typing import Final

from gateway.configure.words import RestoredSaid
from proof.asked import Asked, Verb
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayRow
from proof.wallets import kept_fen
from protocol.states import ProofKind

#: What the gateway says without a wallet's word that names the order.
_BY_ITSELF: Final = (ProofKind.TOMBSTONE, ProofKind.NEVER_OPENED, ProofKind.ABSENT)


def the_forgotten_is_not_denied(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """No tombstone, no page that nobody opened and no absence of what a till had begun when the database was put back,
    before a person said that he looked."""
    newly = before is None or before.proof is not after.proof
    if newly and after.proof in _BY_ITSELF and after.payment_no in e.restored.doubtful:
        yield after.payment_no, f"{after.proof}, and the rows that would know it are lost: nobody has looked"


def what_was_open_is_only_asked_about(e: Evidence, asked: Asked) -> Complaints:
    """What was open in the copy is not undone by itself: its till may have been told PAID."""
    order = e.gateway.channel_orders().get(asked.number)
    row = None if order is None else e.rows.get(order.payment_no)
    if asked.verb not in (Verb.CANCEL, Verb.CLOSE) or order is None or row is None:
        return
    if row.payment_no not in e.restored.doubtful or row.cancel_requested or order.ended is not None:
        return
    if any(" failed by " in event for event in e.gateway.events(row.order_no)):
        return  # the wallet's own word
    if row.terminal_id in e.restored.in_question:
        yield row.payment_no, f"{asked.verb}, nobody cancelled it, and its till may have been told that it is paid"


def a_page_in_question_takes_no_press(
    e: Evidence, before: ChannelOrderRow | None, after: ChannelOrderRow
) -> Complaints:
    """A page that was open in the copy may have had an order that is forgotten: until a person said that he looked
    nobody begins to pay it. What was there before is found again and not begun."""
    row = e.gateway.payments().get(after.payment_no)
    if before is not None or row is None or after.out_trade_no in e.restored.orders:
        return
    if after.payment_no in e.restored.doubtful and row.terminal_id in e.restored.in_question:
        yield after.payment_no, f"{after.out_trade_no} is opened on a page that may have been paid"


def no_number_is_given_twice(e: Evidence, asked: Asked) -> Complaints:
    """What the lost part had called a wallet for is never a new order's number."""
    if asked.verb not in (Verb.PAY, Verb.CREATE) or e.restored.at_ms is None:
        return
    if any(c.verb in (Verb.PAY, Verb.CREATE) and c.sent_ms < e.restored.at_ms for c in e.calls.of(asked.number)):
        if asked.number in e.restored.orders:
            yield asked.number, f"{asked.verb}, and before the database was put back it was another order's number"


def a_person_is_asked(e: Evidence) -> Complaints:
    """From the moment in which it is noticed until a person said that he looked, an alarm says so."""
    if e.restored.in_question and not any(kind == "gateway_restored" for kind, _ in e.gateway.open_alarms()):
        yield "the gateway", f"rows of {sorted(e.restored.in_question)} may be lost, and no alarm says so"


def the_list_is_whole(e: Evidence, said: RestoredSaid) -> Complaints:
    """Of a till that spoke and whose journal is here, the owner is shown every payment that a wallet holds money of and
    the gateway has forgotten."""
    listed = {row.payment_no for row in said.in_question}
    known = e.gateway.channel_orders()
    for number, order in e.restored.orders.items():
        terminal_id = e.restored.doubtful.get(order.payment_no)
        if number in known or terminal_id is None or terminal_id in said.waiting or not kept_fen(e.money(number)):
            continue
        if order.payment_no not in listed:
            yield order.payment_no, f"{kept_fen(e.money(number))} fen by {number} are forgotten, and not on the list"


def what_a_wallet_took_is_known(e: Evidence) -> Complaints:
    """Nothing that a wallet holds is unknown to the gateway in the end."""
    known = e.gateway.channel_orders()
    for number, order in e.restored.orders.items():
        if number not in known and e.held_fen(number):
            yield order.payment_no, f"the wallet holds {e.held_fen(number)} fen by {number}, which nobody knows"


def the_question_ends(e: Evidence) -> Complaints:
    """A person looked, every till spoke, and nothing is in question any more."""
    if e.restored.at_ms is not None and e.restored.file is not None and e.restored.file.open():
        yield "the gateway", "a restored database still waits for a person"


ON_COMMITTED: Final = (the_forgotten_is_not_denied,)
ON_ORDER: Final = (a_page_in_question_takes_no_press,)
ON_CHANNEL_CALL: Final = (what_was_open_is_only_asked_about, no_number_is_given_twice)
ON_TIME: Final = (a_person_is_asked,)
ON_LISTED: Final = (the_list_is_whole,)
WHEN_CALM: Final = (what_a_wallet_took_is_known, the_question_ends)
