"""What must hold of the ORDERs that the gateway lets begin, and of the proofs that it hands out: one function per rule.

SAFETY.md section 3, 2 to 6. The numbers stand here once more, so that a code that changes its own is found. See
`proof.simulation.invariants` for how rules are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence, GatewayRow
from proof.simulation.evidence_side import Payer, ProofRow, SeenRow, SideRows
from protocol.numbers import crockford
from protocol.offline.order import OrderType, SignedOrder
from protocol.offline.proof import PREFIX, ProofType, read_proof
from protocol.states import GatewayState

ORDER_LIMIT_FEN: Final = 500_000
TYPED_LIMIT_FEN: Final = 50_000
#: How far behind the newest counter an ORDER may be that nobody saw before.
BEHIND: Final = 16
#: From first sight to the end of the order, and how long a gateway that works may take to begin to end it.
WINDOW_MS: Final = 300_000
SLACK_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Paying:
    """The page handed what opens this channel order to a wallet in somebody's hand."""

    out_trade_no: str
    payer: Payer


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """The page gave a proof to who held the phone. `typed`: the digits beside it."""

    signed: SignedOrder
    text: str
    typed: str | None
    to: Payer


# --- what may begin ---------------------------------------------------------------------------------------------


def an_order_keeps_its_limit(e: Evidence, _before: SideRows, seen: SeenRow) -> Complaints:
    """Nothing above the limit of one order is taken without the till's line."""
    row = _begun(e, seen)
    shown = e.side.shown.get(seen.digest)
    if row is not None and shown is not None and shown.signed.order.amount_fen > ORDER_LIMIT_FEN:
        yield row.payment_no, f"begun over {shown.signed.order.amount_fen} fen"


def an_order_is_of_this_activation(e: Evidence, before: SideRows, seen: SeenRow) -> Complaints:
    """What was signed under an earlier activation begins nothing."""
    row, standing = _begun(e, seen), before.standings.get(seen.terminal_id)
    shown = e.side.shown.get(seen.digest)
    if row is None or standing is None or shown is None:
        return
    if shown.signed.order.epoch != standing.epoch:
        yield row.payment_no, f"begun in epoch {shown.signed.order.epoch}, and its till is at {standing.epoch}"


def a_bad_key_begins_nothing(e: Evidence, _before: SideRows, seen: SeenRow) -> Complaints:
    """An order whose till can only verify by a key that others have, or by one that is too old, is never paid."""
    row = _begun(e, seen)
    shown = e.side.shown.get(seen.digest)
    if row is not None and shown is not None and shown.signed.order.kid in e.side.bad_keys:
        yield row.payment_no, f"begun, and its till verifies by the key {shown.signed.order.kid}"


def an_order_is_not_far_behind(e: Evidence, before: SideRows, seen: SeenRow) -> Complaints:
    """Of what is older than the bitmaps reach nobody can know any more whether it was cancelled."""
    row = _begun(e, seen)
    same = [one.oseq for one in before.seen.values() if (one.terminal_id, one.epoch) == (seen.terminal_id, seen.epoch)]
    if row is not None and same and seen.oseq < max(same) - BEHIND:
        yield row.payment_no, f"begun as number {seen.oseq}, and {max(same)} was seen before"


def a_closed_order_stays_closed(_e: Evidence, before: SideRows, row: GatewayRow) -> Complaints:
    """After a proof of CLOSED no payment of that order begins."""
    if row.state is GatewayState.NOT_PAID:
        return
    for proof in before.proofs.values():
        if (proof.terminal_id, proof.order_no) == (row.terminal_id, row.order_no) and not proof.paid:
            yield row.payment_no, f"taken as {row.state} after its order was proven CLOSED"


def a_revoked_till_begins_nothing(_e: Evidence, before: SideRows, row: GatewayRow) -> Complaints:
    """What the owner switched off sells nothing, over the line or without."""
    standing = before.standings.get(row.terminal_id)
    if row.state is not GatewayState.NOT_PAID and standing is not None and standing.revoked:
        yield row.payment_no, f"taken as {row.state} while its terminal is switched off"


def a_revoked_till_cancels_nothing(e: Evidence, cancelled: tuple[str, int, int]) -> Complaints:
    """The bitmap of an ORDER whose till the owner switched off is not believed: whoever has that till would give back
    what was sold."""
    terminal_id, _, oseq = cancelled
    standing = e.side.rows.standings.get(terminal_id)
    if standing is not None and standing.revoked:
        yield terminal_id, f"switched off, and its word that {oseq} was cancelled is believed"


def an_order_has_its_window(e: Evidence) -> Complaints:
    """Five minutes after its first sight nobody can begin to pay an ORDER: the gateway ends what is open."""
    up_ms = e.gateway_up_since()
    for number, since_ms in e.side.seen_since_ms.items():
        row = e.rows.get(f"{number}-1")
        if row is None or row.state not in (GatewayState.CREATED, GatewayState.SENT) or row.cancel_requested:
            continue
        late_ms = e.now_ms() - since_ms - WINDOW_MS - 2 * e.skew_ms
        if up_ms is not None and min(late_ms, e.now_ms() - up_ms) > SLACK_MS:
            yield row.payment_no, f"open as {row.state} {late_ms} ms after its time was over"


def one_payer_per_order(e: Evidence, paying: Paying) -> Complaints:
    """Pressing pay locks an order for who pressed: nobody else's wallet is handed it, or two would pay it."""
    first, order = e.side.payers.get(paying.out_trade_no), e.gateway.channel_orders().get(paying.out_trade_no)
    if first is not None and first != paying.payer:
        about = paying.out_trade_no if order is None else order.payment_no
        yield about, f"handed to {paying.payer}, and {first} has it"


# --- proofs -----------------------------------------------------------------------------------------------------


def a_proof_is_signed(e: Evidence, _before: SideRows, proof: ProofRow) -> Complaints:
    """Over the ORDER that was shown, by the key that the proof names and its till can verify by; never by one that
    others have."""
    found, shown = read_proof(PREFIX + crockford(proof.raw)), e.side.shown.get(proof.digest)
    if found is None or shown is None:
        return
    key, named = e.side.keys.get(found.proof.kid), shown.signed.order.kid
    if key is None or not found.signed_by(key, order_digest=shown.signed.digest):
        yield f"{proof.order_no}-1", f"the key {found.proof.kid} did not sign its proof"
    elif found.proof.kid in e.side.bad_keys:
        yield f"{proof.order_no}-1", f"its proof is signed by the key {found.proof.kid}, which others have"
    elif found.proof.kid != named and named not in e.side.bad_keys:
        yield f"{proof.order_no}-1", f"its ORDER names the key {named}, and {found.proof.kid} signed"


def a_proof_names_its_wallet(e: Evidence, _before: SideRows, proof: ProofRow) -> Complaints:
    """The wallet that holds the money."""
    found = read_proof(PREFIX + crockford(proof.raw))
    row = next((r for r in e.rows.values() if r.order_no == proof.order_no and r.state is GatewayState.PAID), None)
    order = None if row is None else e.gateway.channel_orders().get(row.out_trade_no or "")
    if found is None or not proof.paid or order is None:
        return
    wallet = order.account_id.split("-")[1]
    if found.proof.channel != wallet:
        yield f"{proof.order_no}-1", f"its proof says {found.proof.channel}, and it was paid at {wallet}"


def a_proof_goes_to_its_payer(e: Evidence, handed: Handed) -> Complaints:
    """PAID is proven to the account that paid and to nobody else. Of a code that a gun scanned nobody knows the payer:
    there anybody may ask, by a STATUS."""
    found, order = read_proof(handed.text), handed.signed.order
    if found is None or found.proof.type is not ProofType.PAID:
        return
    row = next((r for r in e.rows.values() if r.order_no == order.order_no and r.state is GatewayState.PAID), None)
    payer = None if row is None or row.out_trade_no is None else e.side.payers.get(row.out_trade_no)
    if payer is None and order.type is OrderType.STATUS:
        return
    if payer != handed.to:
        yield f"{order.order_no}-1", f"proven PAID to {handed.to}, and {payer or 'nobody here'} paid"


def a_code_is_shown_for_its_order(e: Evidence, handed: Handed) -> Complaints:
    """The digits that free an order are shown after PAID, within their limit, and free one order only."""
    if handed.typed is None:
        return
    found, order = read_proof(handed.text), handed.signed.order
    about = f"{order.order_no}-1"
    if found is None or found.proof.type is not ProofType.PAID:
        yield about, "a code to type is shown, and nobody paid"
    if order.amount_fen > TYPED_LIMIT_FEN:
        yield about, f"a code to type is shown for {order.amount_fen} fen"
    if any(code == handed.typed and number != order.order_no for number, code in e.side.typed_of.items()):
        yield about, "a code to type is shown that was another order's"
    if e.side.typed_of.get(order.order_no, handed.typed) != handed.typed:
        yield about, "two codes to type for one order"


def _begun(e: Evidence, seen: SeenRow) -> GatewayRow | None:
    row = e.rows.get(f"{seen.order_no}-1")
    return None if row is None or row.state is GatewayState.NOT_PAID else row


ON_SEEN: Final = (
    an_order_keeps_its_limit,
    an_order_is_of_this_activation,
    a_bad_key_begins_nothing,
    an_order_is_not_far_behind,
)
ON_BEGUN: Final = (a_closed_order_stays_closed, a_revoked_till_begins_nothing)
ON_CANCELLED: Final = (a_revoked_till_cancels_nothing,)
ON_GIVEN: Final = (a_proof_is_signed, a_proof_names_its_wallet)
ON_PAYING: Final = (one_payer_per_order,)
ON_HANDED: Final = (a_proof_goes_to_its_payer, a_code_is_shown_for_its_order)
ON_TIME: Final = (an_order_has_its_window,)
