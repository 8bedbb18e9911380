"""The rules about typed codes, refused proofs and bitmaps see what they must see, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from msgspec.structs import replace

from proof.simulation import invariants_typed as rules
from proof.simulation.evidence import Evidence
from proof.simulation.evidence_side import OrderShown, ProofRow, SideRows
from proof.simulation.invariants_offline import Read, ShownOrder, an_order_tells_of_no_other
from proof.simulation.invariants_typed import Compared
from proof.simulation.till_evidence import TillSight
from protocol.messages import Presented, ProofKey
from protocol.money import Money
from protocol.offline.order import OfflineOrder, sign_order
from protocol.offline.proof import OfflineProof, ProofType, sign_proof
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import PaymentView, ProofView
from sync.engine.offline_record import KitRecord, OfflinePart, TakenProof
from sync.engine.record import PaymentRecord
from tests.unit.proof.evidence_on_paper import (
    HONEST,
    KEY,
    NOW_MS,
    NUMBER,
    SECOND,
    TILL,
    PaperFile,
    PaperSide,
    evidence_on_paper,
    paper_till,
)

S = TerminalState
ORDER = replace(HONEST, release=5)
RIGHT = "123456789012"
DAY_MS = 86_400_000


@pytest.fixture
def evidence() -> Evidence:
    made = evidence_on_paper()
    made.side.typed_of[NUMBER] = "123 456 789 012"
    return made


def _record(order: OfflineOrder = ORDER, *, tries: int = 0, **other: object) -> PaymentRecord:
    """As the till's journal has that ORDER."""
    part = OfflinePart(
        status=False,
        order=sign_order(order, KEY).text,
        epoch=order.epoch,
        oseq=order.oseq,
        kid=order.kid,
        base_url="https://pay.test",
        operator="01",
        shown_at_ms=NOW_MS,
        until_ms=NOW_MS,
        down_ms=None,
        release=order.release,
        verifier="00",
        tries=tries,
    )
    record = PaymentRecord(
        payment_no=f"{order.order_no}-1",
        order_no=order.order_no,
        n=1,
        sale_id=order.order_no,
        amount=Money(order.amount_fen),
        presented=Presented.MERCHANT,
        subject="tea",
        operator="01",
        started_at_ms=NOW_MS,
        state=S.AWAITING_PROOF,
        offline=part,
    )
    return replace(record, **other)


def _freed(record: PaymentRecord, *, at_ms: int = NOW_MS, kid: int | None = None, paid: bool = True) -> PaymentRecord:
    """The same, settled by a code, or by a proof."""
    assert record.offline is not None
    taken = TakenProof(paid=paid, taken_at_ms=at_ms, operator="01", kid=kid, at_s=None)
    return replace(record, state=S.PAID if paid else S.NOT_PAID, offline=replace(record.offline, proof=taken))


def _till(*records: PaymentRecord) -> tuple[TillSight, PaperFile]:
    till, file = paper_till()
    file.records = {record.payment_no: record for record in records}
    return till, file


def _read(till: TillSight, text: str, reason: Reason, *, typed: bool = True) -> Read:
    accepted = reason is Reason.PAID
    view = ProofView(request_id="r", accepted=accepted, reason=reason, typed=typed, payment_no=f"{NUMBER}-1")
    return Read(till=till, view=view, text=text)


# --- tries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tries", "before", "complains"), [(1, 0, False), (0, 0, True), (2, 2, True), (3, 2, False)])
def test_a_try_is_in_the_journal_before_its_code_is_compared(
    evidence: Evidence, tries: int, before: int, complains: bool
) -> None:
    till, _ = _till(_record(tries=tries))
    moment = Compared(till=till, epoch=ORDER.epoch, index=5, before=before)
    assert bool(list(rules.a_try_is_counted_first(evidence, moment))) is complains
    assert list(rules.a_try_is_counted_first(evidence, dataclasses.replace(moment, index=6)))


def test_three_tries_for_an_order_and_ten_in_a_shift(evidence: Evidence) -> None:
    """Yesterday's do not count."""
    till, file = _till(_record(tries=4))
    moment = Compared(till=till, epoch=ORDER.epoch, index=5, before=2)
    file.tried_ms = [NOW_MS - DAY_MS] * 5 + [NOW_MS] * 10
    assert not list(rules.a_code_has_three_tries(evidence, moment))
    assert list(rules.a_code_has_three_tries(evidence, dataclasses.replace(moment, before=3)))
    file.tried_ms.append(NOW_MS)
    assert list(rules.a_code_has_three_tries(evidence, moment))


# --- what is freed ----------------------------------------------------------------------------------------------


def test_goods_go_out_for_the_digits_of_their_own_page(evidence: Evidence) -> None:
    """However they are grouped."""
    till, _ = _till(_record())
    rule = rules.a_typed_code_frees_its_order
    assert not list(rule(evidence, _read(till, "1234-5678-9012", Reason.PAID)))
    assert list(rule(evidence, _read(till, "123456789013", Reason.PAID)))
    assert not list(rule(evidence, _read(till, "123456789013", Reason.TYPED_WRONG)))
    evidence.side.typed_of.clear()
    assert list(rule(evidence, _read(till, RIGHT, Reason.PAID)))


@pytest.mark.parametrize(
    ("fen", "freed_fen", "at_ms", "complains"),
    [
        (50_000, 250_000, NOW_MS, False),
        (50_001, 0, NOW_MS, True),
        (50_000, 250_001, NOW_MS, True),
        (50_000, 250_001, NOW_MS - DAY_MS, False),
    ],
)
def test_what_codes_free_is_small(evidence: Evidence, fen: int, freed_fen: int, at_ms: int, complains: bool) -> None:
    """¥500 an order, ¥3,000 a shift."""
    earlier = replace(ORDER, order_no=SECOND, amount_fen=max(1, freed_fen), release=4)
    till, _ = _till(_freed(_record(replace(ORDER, amount_fen=fen))), _freed(_record(earlier), at_ms=at_ms))
    assert bool(list(rules.a_typed_order_is_small(evidence, _read(till, RIGHT, Reason.PAID)))) is complains


_REFUSED: tuple[tuple[Reason, PaymentRecord, int, bool], ...] = (
    (Reason.TYPED_WRONG, _record(), 0, True),
    (Reason.TYPED_SLIP, _record(), 0, True),
    (Reason.TYPED_NOT_OFFERED, _record(), 0, True),
    (Reason.TYPED_TRIES, _record(tries=2), 2, True),
    (Reason.TYPED_TRIES, _record(tries=3), 3, False),
    (Reason.TYPED_SHIFT_TRIES, _record(), 9, True),
    (Reason.TYPED_SHIFT_TRIES, _record(), 10, False),
    (Reason.TYPED_AMOUNT, _record(), 0, True),
    (Reason.TYPED_AMOUNT, _record(replace(ORDER, amount_fen=50_001)), 0, False),
    (Reason.TYPED_SHIFT_AMOUNT, _record(), 0, True),
    (Reason.PROOF_USED, _record(), 0, True),
    (Reason.PROOF_USED, _freed(_record()), 1, False),
    (Reason.PROOF_SETTLED, _record(), 0, True),
    (Reason.PROOF_SETTLED, _record(state=S.PAID), 0, False),
    (Reason.PROOF_CANCELLED, _record(), 0, True),
    (Reason.PROOF_CANCELLED, _record(cancel_intended=True), 0, False),
)


@pytest.mark.parametrize(("reason", "record", "tried", "complains"), _REFUSED)
def test_a_right_code_is_refused_for_what_is_so(
    evidence: Evidence, reason: Reason, record: PaymentRecord, tried: int, complains: bool
) -> None:
    till, file = _till(record)
    file.tried_ms = [NOW_MS] * tried
    assert bool(list(rules.a_right_code_is_taken(evidence, _read(till, RIGHT, reason)))) is complains
    assert not list(rules.a_right_code_is_taken(evidence, _read(till, "000000000000", reason)))


# --- refused proofs ---------------------------------------------------------------------------------------------


def _kit(kid: int) -> KitRecord:
    return KitRecord(
        epoch=2,
        base_url="https://pay.test",
        proof_keys=(ProofKey(kid=kid, public_key=""),),
        codes=(),
        order_limit_fen=1,
        typed_order_limit_fen=1,
        typed_shift_limit_fen=1,
        fetched_at_ms=0,
    )


_PROOFS: tuple[tuple[Reason, PaymentRecord, bool], ...] = (
    (Reason.PROOF_USED, _record(), True),
    (Reason.PROOF_USED, _freed(_record(), kid=1), False),
    (Reason.PROOF_USED, _freed(_record(), kid=1, paid=False), True),
    (Reason.PROOF_SETTLED, _record(), True),
    (Reason.PROOF_SETTLED, _record(state=S.NOT_PAID), True),
    (Reason.PROOF_SETTLED, _record(state=S.PAID), False),
    (Reason.PROOF_CONFLICT, _record(), True),
    (Reason.PROOF_CONFLICT, _record(state=S.PAID), True),
    (Reason.PROOF_CONFLICT, _record(state=S.NOT_PAID), False),
    (Reason.PROOF_CANCELLED, _record(), True),
    (Reason.PROOF_CANCELLED, _record(cancel_intended=True), False),
    (Reason.PROOF_LATER_TRY, _record(), True),
    (Reason.PROOF_UNKNOWN_KEY, _record(), True),
    (Reason.ANCHOR_FAILED, _record(), True),
    (Reason.DISK_FULL, _record(), False),
)


@pytest.mark.parametrize(("reason", "record", "complains"), _PROOFS)
def test_a_good_proof_is_refused_for_what_is_so(
    evidence: Evidence, reason: Reason, record: PaymentRecord, complains: bool
) -> None:
    """By the journal as it is; a second payment of the order is another question."""
    till, file = _till(record)
    signed = sign_order(ORDER, KEY)
    said = OfflineProof(type=ProofType.PAID, kid=1, order_no=NUMBER, at_s=1, channel="wechat", tail="1234")
    proof = sign_proof(said, KEY, order_digest=signed.digest)
    digest, side = signed.digest.hex(), PaperSide()
    row = ProofRow(digest=digest, terminal_id=TILL, order_no=NUMBER, paid=True, raw=proof.raw)
    side.now, evidence.side.file = SideRows(proofs={digest: row}), side
    evidence.side.shown[digest] = OrderShown(till="till1", payment_no=f"{NUMBER}-1", signed=signed)
    moment = _read(till, proof.text, reason, typed=False)
    assert bool(list(rules.a_refusal_is_true(evidence, moment))) is complains
    file.records["later"] = replace(record, payment_no=f"{NUMBER}-2", n=2)
    assert not list(rules.a_refusal_is_true(evidence, moment))


def test_a_key_that_the_till_does_not_hold_may_be_unknown(evidence: Evidence) -> None:
    """The one that its ORDER names is known, unless others have it."""
    till, file = _till(_record())
    signed = sign_order(ORDER, KEY)
    side = PaperSide()
    evidence.side.file = side
    evidence.side.shown[signed.digest.hex()] = OrderShown(till="till1", payment_no=f"{NUMBER}-1", signed=signed)

    def complains(kid: int) -> bool:
        said = OfflineProof(type=ProofType.PAID, kid=kid, order_no=NUMBER, at_s=1, channel="wechat", tail="1234")
        proof = sign_proof(said, KEY, order_digest=signed.digest)
        digest = signed.digest.hex()
        row = ProofRow(digest=digest, terminal_id=TILL, order_no=NUMBER, paid=True, raw=proof.raw)
        side.now = SideRows(proofs={digest: row})
        moment = _read(till, proof.text, Reason.PROOF_UNKNOWN_KEY, typed=False)
        return bool(list(rules.a_refusal_is_true(evidence, moment)))

    assert (complains(1), complains(3)) == (True, False)
    file.held = _kit(3)
    assert complains(3)
    evidence.side.bad_keys.add(1)
    assert not complains(1)


def test_a_copy_may_refuse_for_its_anchor(evidence: Evidence) -> None:
    till, _ = _till(_record())
    assert list(rules.a_right_code_is_taken(evidence, _read(till, RIGHT, Reason.ANCHOR_FAILED)))
    evidence.unruly.add(TILL)
    assert not list(rules.a_right_code_is_taken(evidence, _read(till, RIGHT, Reason.ANCHOR_FAILED)))


# --- ORDERs -----------------------------------------------------------------------------------------------------


def _shown(till: TillSight, order: OfflineOrder) -> ShownOrder:
    view = PaymentView(
        payment_no=f"{order.order_no}-1",
        order_no=order.order_no,
        sale_id=order.order_no,
        amount=Money(order.amount_fen),
        presented=Presented.MERCHANT,
        state=S.AWAITING_PROOF,
        n=1,
        light=None,
        safe_to_rescan=False,
        reason=None,
        proof=None,
        channel=None,
        transaction_tail=None,
        qr=None,
        qr_expires_ms=None,
        payer_prompted=False,
        cancel_requested=False,
        late_money=None,
        started_at_ms=NOW_MS,
        settled_at_ms=None,
        elapsed_ms=None,
        request_id=None,
    )
    return ShownOrder(till=till, view=view, signed=sign_order(order, KEY))


def test_the_index_of_a_code_is_given_once(evidence: Evidence) -> None:
    till, _ = _till()
    first = sign_order(replace(ORDER, order_no=SECOND), KEY)
    evidence.side.shown[first.digest.hex()] = OrderShown(till="till1", payment_no=f"{SECOND}-1", signed=first)
    assert list(rules.no_code_for_two(evidence, _shown(till, ORDER)))
    assert not list(rules.no_code_for_two(evidence, _shown(till, replace(ORDER, release=6))))
    assert not list(rules.no_code_for_two(evidence, _shown(till, replace(ORDER, epoch=3))))
    evidence.unruly.add(TILL)
    assert list(rules.no_code_for_two(evidence, _shown(till, ORDER))), "its own anchor knows what this machine gave"
    evidence.side.shown[first.digest.hex()] = OrderShown(till="a copy", payment_no=f"{SECOND}-1", signed=first)
    assert not list(rules.no_code_for_two(evidence, _shown(till, ORDER)))


def test_no_order_over_the_limit_is_shown(evidence: Evidence) -> None:
    till, _ = _till()
    assert list(rules.a_till_keeps_the_limit(evidence, _shown(till, replace(ORDER, amount_fen=500_001))))
    large = replace(ORDER, amount_fen=500_000)
    assert list(rules.a_till_keeps_the_limit(evidence, _shown(till, large)))
    assert not list(rules.a_till_keeps_the_limit(evidence, _shown(till, replace(large, release=0))))


def test_a_bitmap_tells_of_the_cancelled_and_of_nothing_else(evidence: Evidence) -> None:
    earlier = replace(ORDER, order_no=SECOND, oseq=ORDER.oseq - 1)
    telling = replace(ORDER, cancelled=1)
    assert list(an_order_tells_of_no_other(evidence, _shown(_till(_record(earlier))[0], telling)))
    assert list(an_order_tells_of_no_other(evidence, _shown(_till()[0], telling)))
    till, _ = _till(_record(earlier, cancel_intended=True))
    assert not list(an_order_tells_of_no_other(evidence, _shown(till, telling)))
    assert not list(an_order_tells_of_no_other(evidence, _shown(till, ORDER)))
