"""Selling without the line, by the engine alone: SAFETY.md section 3, one rule a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState
from protocol.offline.order import ClockQuality, OrderType, read_order
from protocol.offline.proof import OfflineProof, ProofType, sign_proof
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.engine.events import (
    AckCall,
    Append,
    CancelCall,
    KitCall,
    Opened,
    PayCall,
    Publish,
    QueryCall,
    StorageSaid,
)
from sync.engine.model import ParkOffline, ShowStatus, TypeCode
from sync.engine.offline import FIRST_SEEN_MS
from sync.engine.offline_events import CodeAsked, ParkAsked, StatusAsked
from sync.engine.offline_record import SHOWN_MS
from sync.engine.state import KitDesk
from sync.engine.statements import CancelIntended, CodeTried, OfflineShown, ParkWhy, PaymentConflict, ProofTaken
from tests.unit.sync.till_on_paper import RIGHT_CODE, T0_MS, TERMINAL, Till, silence

S, G = TerminalState, GatewayState


def dark() -> Till:
    """A till that heard its gateway, and whose line then went down."""
    till = Till()
    till.up()
    till.down()
    return till


def shown(till: Till, *, fen: int = 1250) -> str:
    payment_no = till.offline(fen=fen)
    assert payment_no is not None, till.refusals
    return payment_no


def park(till: Till, payment_no: str) -> None:
    till.do(ParkAsked(command=ParkOffline(payment_no=payment_no, why=ParkWhy.LEFT, operator="01")))


# --- rule 1: journaled, then shown ------------------------------------------------------------------------------


def test_the_order_is_durable_before_it_is_shown() -> None:
    till = dark()
    shown(till)
    assert isinstance(till.statements[-1], OfflineShown)
    offline = till.views[-1].offline
    assert offline is not None
    assert offline.qr == f"https://pay.test/o/{till.statements[-1].order}"
    assert (till.views[-1].state, till.views[-1].payment_no[-2:]) == (S.AWAITING_PROOF, "-1")


def test_the_order_says_what_the_journal_says() -> None:
    till = dark()
    payment_no = shown(till)
    part = till.records[payment_no].offline
    assert part is not None
    signed = read_order(part.order)
    assert signed is not None
    order = signed.order
    assert (order.type, order.terminal_id, order.epoch, order.amount_fen) == (OrderType.PAY, TERMINAL, 1, 1250)
    assert (order.order_no, order.kid, order.oseq, order.release) == (till.records[payment_no].order_no, 1, 1, 1)
    assert (order.made_at_s, order.clock) == ((T0_MS + till.mono_ms) // 1000, ClockQuality.GATEWAY)
    assert part.until_ms - part.shown_at_ms == SHOWN_MS == 180_000


def test_a_clock_that_heard_no_gateway_since_the_start_is_called_guessed() -> None:
    till = Till()
    till.down()
    part = till.records[shown(till)].offline
    assert part is not None
    assert part.signed is not None
    assert part.signed.order.clock is ClockQuality.GUESSED


def test_numbers_and_typed_code_indices_are_never_used_twice() -> None:
    till = dark()
    for _ in range(5):
        park(till, shown(till))
    parts = [record.offline for record in till.records.values() if record.offline is not None]
    assert [part.oseq for part in parts] == [1, 2, 3, 4, 5]
    assert [part.release for part in parts] == [1, 2, 3, 4, 5]


def test_numbers_go_on_above_the_anchor_when_the_journal_was_put_back() -> None:
    till = dark()
    payment_no = till.offline(floor_oseq=40, floor_release=9)
    assert payment_no is not None
    part = till.records[payment_no].offline
    assert part is not None
    assert (part.oseq, part.release) == (41, 10)


def test_an_amount_over_the_limit_of_typed_codes_uses_no_index() -> None:
    till = dark()
    part = till.records[shown(till, fen=50_001)].offline
    assert part is not None
    assert (part.release, part.tries_left) == (0, 0)


def test_one_order_awaits_its_proof_at_a_time() -> None:
    till = dark()
    first = shown(till)
    assert till.offline() is None
    assert till.refusals[-1].reason is Reason.OFFLINE_WAITING
    park(till, first)
    assert till.records[first].state is S.AWAITING_PROOF
    assert till.offline() is not None


def test_the_next_order_tells_which_earlier_ones_were_cancelled() -> None:
    till = dark()
    first = shown(till)
    till.cancel(first, goods_handed=False)
    park(till, shown(till))
    third = shown(till)
    part = till.records[third].offline
    assert part is not None
    assert part.signed is not None
    order = part.signed.order
    assert (order.says_cancelled(1), order.says_cancelled(2)) == (True, False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"book": "no_kit"}, Reason.OFFLINE_NO_KIT),
        ({"epoch": 2}, Reason.OFFLINE_NO_KIT),
        ({"anchored": False}, Reason.ANCHOR_FAILED),
    ],
)
def test_an_order_is_refused_with_its_reason(change: dict[str, object], reason: Reason) -> None:
    till = dark()
    if change.get("book") == "no_kit":
        till.kit, change = None, {}
    assert till.offline(**change) is None  # pyright: ignore[reportArgumentType]
    assert till.refusals[-1].reason is reason


def test_an_order_is_refused_while_the_line_is_up_over_the_limit_and_on_a_full_disk() -> None:
    till = Till()
    till.up()
    assert till.offline() is None
    till.down()
    assert till.offline(fen=500_001) is None
    till.do(StorageSaid(refusing=Reason.DISK_FULL))
    assert till.offline() is None
    assert [refused.reason for refused in till.refusals] == [
        Reason.LINE_UP, Reason.OFFLINE_AMOUNT, Reason.DISK_FULL,
    ]  # fmt: skip


# --- rule 5: the proof ------------------------------------------------------------------------------------------


def test_a_proof_is_an_entry_before_anybody_hears_paid() -> None:
    till = dark()
    payment_no = shown(till)
    before = len(till.statements)
    seen = till.read(till.proof_of(payment_no))
    assert (seen.accepted, seen.reason, seen.payment_no) == (True, Reason.PAID, payment_no)
    assert [type(said) for said in till.statements[before:]] == [ProofTaken]
    view = till.views[-1]
    assert (view.state, view.channel, view.transaction_tail) == (S.PAID, "alipay", "3421")


def test_the_proof_comes_before_the_views_of_its_step() -> None:
    till = dark()
    till.read(till.proof_of(shown(till)))
    order = [type(effect) for effect in till.effects]
    assert order.index(Append) < order.index(Publish)


def test_a_closed_proof_is_the_green_light_without_the_line() -> None:
    till = dark()
    payment_no = shown(till)
    seen = till.read(till.proof_of(payment_no, ProofType.CLOSED))
    view = till.views[-1]
    assert (seen.accepted, seen.reason) == (True, Reason.EXPIRED)
    assert (view.state, view.safe_to_rescan) == (S.NOT_PAID, True)
    assert view.proof is not None
    assert view.proof.kind is ProofKind.CLOSED


def test_a_proof_settles_the_order_that_it_names_and_no_other() -> None:
    till = dark()
    first = shown(till)
    park(till, first)
    second = shown(till)
    seen = till.read(till.proof_of(first))
    assert seen.payment_no == first
    assert till.records[first].state is S.PAID
    assert till.records[second].state is S.AWAITING_PROOF


def test_a_proof_is_read_in_any_case() -> None:
    till = dark()
    payment_no = shown(till)
    assert till.read(till.proof_of(payment_no).lower()).accepted


def test_no_clock_is_looked_at() -> None:
    till = dark()
    payment_no = shown(till)
    text = till.proof_of(payment_no)
    till.mono_ms += 400 * 24 * 3_600_000
    assert till.read(text).accepted


def refused(till: Till, text: str, **ground: object) -> Reason:
    """The reason, after making sure that nothing was journaled and nothing moved."""
    states = {no: record.state for no, record in till.records.items()}
    taken = sum(isinstance(said, ProofTaken) for said in till.statements)
    seen = till.read(text, **ground)
    assert not seen.accepted
    assert {no: record.state for no, record in till.records.items()} == states
    assert sum(isinstance(said, ProofTaken) for said in till.statements) == taken
    return seen.reason


def test_refused_unreadable() -> None:
    till = dark()
    text = till.proof_of(shown(till))
    for cut in (text[:-1], text + "0", text[:40], "GP1"):
        assert refused(till, cut) is Reason.PROOF_UNREADABLE


def test_refused_unknown_key() -> None:
    till = dark()
    payment_no = shown(till)
    assert refused(till, till.proof_of(payment_no, kid=9)) is Reason.PROOF_UNKNOWN_KEY


def test_refused_another_tills_order() -> None:
    till, other = dark(), dark()
    other.numbers = 70
    text = other.proof_of(shown(other))
    shown(till)
    assert refused(till, text) is Reason.PROOF_OTHER_TILL


def test_refused_bad_signature() -> None:
    till = dark()
    payment_no = shown(till)
    record = till.records[payment_no]
    assert record.offline is not None
    assert record.offline.signed is not None
    said = OfflineProof(type=ProofType.PAID, kid=1, order_no=record.order_no, at_s=1, channel="wechat", tail="0001")
    stranger = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    text = sign_proof(said, stranger, order_digest=record.offline.signed.digest).text
    assert refused(till, text) is Reason.PROOF_BAD_SIGNATURE


def test_refused_a_proof_of_another_amount_of_this_order() -> None:
    """The signature covers the till's own ORDER: a proof over other content is none."""
    till, other = dark(), dark()
    shown(till)
    text = other.proof_of(shown(other, fen=1))
    assert refused(till, text) is Reason.PROOF_BAD_SIGNATURE


def test_refused_already_used_and_says_when() -> None:
    till = dark()
    payment_no = shown(till)
    text = till.proof_of(payment_no)
    till.read(text)
    used_at_ms = till.records[payment_no].settled_at_ms
    till.mono_ms += 60_000
    assert refused(till, text) is Reason.PROOF_USED
    assert till.proofs[-1].at_ms == used_at_ms


def test_refused_cancelled() -> None:
    till = dark()
    payment_no = shown(till)
    till.cancel(payment_no, goods_handed=True)
    assert refused(till, till.proof_of(payment_no)) is Reason.PROOF_CANCELLED


def test_a_closed_proof_ends_a_cancelled_order() -> None:
    till = dark()
    payment_no = shown(till)
    till.cancel(payment_no, goods_handed=False)
    assert till.read(till.proof_of(payment_no, ProofType.CLOSED)).accepted
    assert till.records[payment_no].state is S.NOT_PAID


def test_refused_settled_otherwise() -> None:
    till = dark()
    payment_no = shown(till)
    text = till.proof_of(payment_no)
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID))
    assert refused(till, text) is Reason.PROOF_SETTLED


def test_refused_anchor_failed() -> None:
    till = dark()
    payment_no = shown(till)
    assert refused(till, till.proof_of(payment_no), anchored=False) is Reason.ANCHOR_FAILED


@pytest.mark.parametrize("first", list(ProofType))
def test_never_both_paid_and_closed_the_second_is_refused_and_alarmed(first: ProofType) -> None:
    till = dark()
    payment_no = shown(till)
    second = ProofType.CLOSED if first is ProofType.PAID else ProofType.PAID
    texts = {kind: till.proof_of(payment_no, kind) for kind in ProofType}
    till.read(texts[first])
    assert refused(till, texts[second]) is Reason.PROOF_CONFLICT
    assert isinstance(till.statements[-1], PaymentConflict)
    assert till.records[payment_no].conflict


def given_up() -> tuple[Till, str]:
    """A till whose line went down after a payment was proven not paid, and that payment's order."""
    till = Till()
    till.up()
    payment_no = till.start()
    assert payment_no is not None
    till.answer(till.only(PayCall), till.status(payment_no, G.NOT_PAID))
    till.down()
    return till, till.records[payment_no].order_no


def test_a_sale_goes_on_as_an_order_that_is_shown() -> None:
    till, order_no = given_up()
    shown_no = till.offline(order_no=order_no)
    assert shown_no is not None
    assert till.records[shown_no].sale_id == till.records[f"{order_no}-1"].sale_id


def test_no_order_is_shown_over_money_that_came_late() -> None:
    ended, order_no = given_up()
    found = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=T0_MS)
    till = dark()
    till.records[f"{order_no}-1"] = replace(ended.records[f"{order_no}-1"], late_money=found)
    assert till.offline(order_no=order_no) is None
    assert till.refusals[-1].reason is Reason.LATE_MONEY


@pytest.mark.parametrize("by_sale", [False, True])
def test_no_order_is_shown_beside_a_scan_that_waits_for_the_line(by_sale: bool) -> None:
    ended, order_no = given_up()
    till = Till(records=dict(ended.records), numbers=50)
    sale_id = ended.records[f"{order_no}-1"].sale_id
    assert (till.start(sale_id=sale_id) if by_sale else till.start(order_no=order_no)) is None
    assert till.state.held
    assert till.offline(order_no=order_no) is None
    assert till.refusals[-1].reason is Reason.ORDER_OPEN


@pytest.mark.parametrize(
    ("fen", "order_no", "reason"),
    [
        (0, None, Reason.BAD_AMOUNT),
        (10_000_000, None, Reason.BAD_AMOUNT),
        (1250, "nobody's", Reason.UNKNOWN_PAYMENT),
    ],
)
def test_no_order_is_shown_over_what_cannot_be(fen: int, order_no: str | None, reason: Reason) -> None:
    till = dark()
    assert till.offline(fen=fen, order_no=order_no) is None
    assert till.refusals[-1].reason is reason


def test_a_code_over_the_limit_of_the_shift_costs_no_try() -> None:
    till = dark()
    payment_no = shown(till)
    assert till.kit is not None
    till.kit = replace(till.kit, typed_shift_limit_fen=1_249)
    assert till.type_code(payment_no, RIGHT_CODE).reason is Reason.TYPED_SHIFT_AMOUNT
    assert not any(isinstance(said, CodeTried) for said in till.statements)


# --- rule 6: typed codes ----------------------------------------------------------------------------------------


def test_a_right_code_frees_its_order() -> None:
    till = dark()
    payment_no = shown(till)
    seen = till.type_code(payment_no, RIGHT_CODE)
    assert (seen.accepted, seen.typed, seen.reason) == (True, True, Reason.PAID)
    view = till.views[-1]
    assert view.state is S.PAID
    assert view.offline is not None
    assert view.offline.typed


def test_a_slip_costs_no_try() -> None:
    till = dark()
    payment_no = shown(till)
    slip = RIGHT_CODE[:-1] + ("0" if RIGHT_CODE[-1] != "0" else "1")
    for text in (slip, RIGHT_CODE[:-1], "hello"):
        assert till.type_code(payment_no, text).reason is Reason.TYPED_SLIP
    assert not any(isinstance(said, CodeTried) for said in till.statements)


def wrong_code() -> str:
    """Well-formed, and not the one."""
    ten = "0123456789"
    return ten + f"{98 - int(ten) * 100 % 97:02}"


def test_three_tries_for_an_order_each_counted_before_it_is_checked() -> None:
    till = dark()
    payment_no = shown(till)
    for left in (2, 1, 0):
        seen = till.type_code(payment_no, wrong_code())
        assert (seen.reason, seen.tries_left) == (Reason.TYPED_WRONG, left)
    assert till.type_code(payment_no, RIGHT_CODE).reason is Reason.TYPED_TRIES
    assert till.records[payment_no].state is S.AWAITING_PROOF


def test_ten_tries_for_a_shift() -> None:
    till = dark()
    for _ in range(4):
        payment_no = shown(till)
        for _ in range(3):
            till.type_code(payment_no, wrong_code())
        park(till, payment_no)
    assert sum(isinstance(said, CodeTried) for said in till.statements) == 10
    assert till.proofs[-1].reason is Reason.TYPED_SHIFT_TRIES


def test_limits_of_typed_codes_per_order_and_shift() -> None:
    till = dark()
    big = shown(till, fen=50_001)
    assert till.type_code(big, RIGHT_CODE).reason is Reason.TYPED_AMOUNT
    park(till, big)
    payment_no = shown(till)
    assert till.kit is not None
    till.kit = replace(till.kit, typed_shift_limit_fen=1_249)
    assert till.type_code(payment_no, RIGHT_CODE).reason is Reason.TYPED_SHIFT_AMOUNT


def test_codes_typed_at_once_keep_the_limit_of_the_shift() -> None:
    """Both may be compared before either is settled; the second finds what the first has taken."""
    till = dark()
    numbers = [shown(till)]
    park(till, numbers[0])
    numbers.append(shown(till))
    assert till.kit is not None
    till.kit = replace(till.kit, typed_shift_limit_fen=2 * 1_250 - 1)
    for payment_no in numbers:
        command = TypeCode(request_id="C", payment_no=payment_no, code=Secret(RIGHT_CODE), operator="01")
        till.do(CodeAsked(command=command, known=till.records[payment_no], ground=till.ground()))
    assert till.code_checked(numbers[0], right=True).accepted
    assert till.code_checked(numbers[1], right=True).reason is Reason.TYPED_SHIFT_AMOUNT
    assert till.records[numbers[1]].state is S.AWAITING_PROOF


def used(till: Till, payment_no: str) -> None:
    assert till.type_code(payment_no, RIGHT_CODE).accepted


def proven_closed(till: Till, payment_no: str) -> None:
    assert till.read(till.proof_of(payment_no, ProofType.CLOSED)).accepted


def settled_over_the_line(till: Till, payment_no: str) -> None:
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID))


def cancelled(till: Till, payment_no: str) -> None:
    till.cancel(payment_no)


def line_is_up(till: Till, _payment_no: str) -> None:
    till.up()


def without_room(till: Till, _payment_no: str) -> None:
    till.do(StorageSaid(refusing=Reason.DISK_FULL))


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (used, Reason.PROOF_USED),
        (proven_closed, Reason.PROOF_CONFLICT),
        (settled_over_the_line, Reason.PROOF_SETTLED),
        (cancelled, Reason.PROOF_CANCELLED),
        (without_room, Reason.DISK_FULL),
    ],
)
def test_a_code_frees_nothing_that_its_proof_would_not_and_costs_no_try(
    before: Callable[[Till, str], None], reason: Reason
) -> None:
    till = dark()
    payment_no = shown(till)
    before(till, payment_no)
    tries = sum(isinstance(said, CodeTried) for said in till.statements)
    seen = till.type_code(payment_no, RIGHT_CODE)
    assert (seen.accepted, seen.reason) == (False, reason)
    assert sum(isinstance(said, CodeTried) for said in till.statements) == tries


def test_a_copied_disk_and_an_order_without_a_code_take_no_code() -> None:
    till = dark()
    payment_no = shown(till)
    assert till.type_code(payment_no, RIGHT_CODE, anchored=False).reason is Reason.ANCHOR_FAILED
    assert till.type_code("nobody's", RIGHT_CODE).reason is Reason.TYPED_NOT_OFFERED
    park(till, payment_no)
    assert till.kit is not None
    till.kit = replace(till.kit, codes=())
    bare = shown(till)
    assert till.type_code(bare, RIGHT_CODE).reason is Reason.TYPED_NOT_OFFERED
    till.kit = None
    assert till.type_code(payment_no, RIGHT_CODE).reason is Reason.TYPED_NOT_OFFERED
    assert not any(isinstance(said, CodeTried) for said in till.statements)


@pytest.mark.parametrize(
    ("meanwhile", "ground", "reason"),
    [
        (settled_over_the_line, {}, Reason.PROOF_SETTLED),
        (cancelled, {}, Reason.PROOF_CANCELLED),
        (None, {"anchored": False}, Reason.ANCHOR_FAILED),
    ],
)
def test_a_right_code_frees_nothing_that_changed_while_it_was_compared(
    meanwhile: Callable[[Till, str], None] | None, ground: dict[str, object], reason: Reason
) -> None:
    till = dark()
    payment_no = shown(till)
    command = TypeCode(request_id="C", payment_no=payment_no, code=Secret(RIGHT_CODE), operator="01")
    till.do(CodeAsked(command=command, known=till.records[payment_no], ground=till.ground()))
    if meanwhile is not None:
        meanwhile(till, payment_no)
    seen = till.code_checked(payment_no, right=True, **ground)
    assert (seen.accepted, seen.reason) == (False, reason)
    assert not any(isinstance(said, ProofTaken) for said in till.statements)


def test_a_restart_does_not_give_tries_back() -> None:
    till = dark()
    payment_no = shown(till)
    till.type_code(payment_no, wrong_code())
    till.crash()
    part = till.records[payment_no].offline
    assert part is not None
    assert part.tries_left == 2


# --- rule 4: STATUS ---------------------------------------------------------------------------------------------


def cut_payment(till: Till) -> str:
    """A scanned payment whose answer was lost with the line."""
    till.up()
    payment_no = till.start()
    assert payment_no is not None
    till.answer(till.only(PayCall), silence())
    till.down()
    return payment_no


def ask_status(till: Till, payment_no: str, **ground: object) -> None:
    command = ShowStatus(request_id="Q", payment_no=payment_no, operator="01")
    till.do(StatusAsked(command=command, ground=till.ground(**ground)))


def test_a_payment_cut_in_the_middle_is_asked_about_by_a_phone() -> None:
    till = Till()
    payment_no = cut_payment(till)
    ask_status(till, payment_no)
    part = till.records[payment_no].offline
    assert part is not None
    assert part.signed is not None
    assert part.signed.order.type is OrderType.STATUS
    assert till.read(till.proof_of(payment_no)).accepted
    assert till.records[payment_no].state is S.PAID


def test_an_answer_open_to_a_question_from_before_its_proof_contradicts_nothing() -> None:
    """It was on its way while the customer's phone brought the proof; the gateway is asked until it said so itself."""
    till = Till()
    payment_no = cut_payment(till)
    till.wait(3_000)
    (asked,) = till.under_way.values()
    ask_status(till, payment_no)
    assert till.read(till.proof_of(payment_no)).accepted
    till.answer(asked, till.status(payment_no, G.SENT, seq=1))
    record = till.records[payment_no]
    assert (record.state, record.conflict, record.confirmation_owed) == (S.PAID, False, True)


def test_open_said_after_its_proof_is_a_contradiction() -> None:
    till = Till()
    payment_no = cut_payment(till)
    ask_status(till, payment_no)
    assert till.read(till.proof_of(payment_no)).accepted
    for _ in range(2):
        till.wait(60_000)
        (asked,) = till.under_way.values()
        till.answer(asked, silence())
    till.wait(60_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.SENT, seq=1))
    assert till.records[payment_no].conflict


def test_a_status_qr_shown_again_is_the_same() -> None:
    till = Till()
    payment_no = cut_payment(till)
    ask_status(till, payment_no)
    first, entries = till.records[payment_no].offline, len(till.statements)
    ask_status(till, payment_no)
    assert till.records[payment_no].offline == first
    assert len(till.statements) == entries
    assert till.views[-1].offline is not None


@pytest.mark.parametrize(
    ("before", "ground", "reason"),
    [
        (None, {"anchored": False}, Reason.ANCHOR_FAILED),
        (None, {"epoch": 2}, Reason.OFFLINE_NO_KIT),
        (without_room, {}, Reason.DISK_FULL),
        (line_is_up, {}, Reason.LINE_UP),
        (cancelled, {}, Reason.UNKNOWN_PAYMENT),
    ],
)
def test_a_status_is_shown_only_of_what_is_unknown_and_by_a_till_that_may_prove_it(
    before: Callable[[Till, str], None] | None, ground: dict[str, object], reason: Reason
) -> None:
    till = Till()
    payment_no = cut_payment(till)
    if before is not None:
        before(till, payment_no)
    ask_status(till, payment_no, **ground)
    assert till.refusals[-1].reason is reason
    assert till.records[payment_no].offline is None


def test_a_copied_disk_hears_nothing_of_a_later_payment_either() -> None:
    till, first, second, text = collected_again()
    assert refused(till, text, anchored=False) is Reason.ANCHOR_FAILED
    assert not till.records[first].conflict
    assert not till.records[second].conflict


def collected_again() -> tuple[Till, str, str, str]:
    """A payment that was asked about by STATUS, the one begun after it, and a PAID proof that answers the old QR."""
    till = Till()
    first = cut_payment(till)
    ask_status(till, first)
    text = till.proof_of(first)
    till.up()
    till.answer(till.only(PayCall), till.status(first, G.NOT_PAID, proof=ProofKind.DECLINED))
    second = till.start(order_no=till.records[first].order_no)
    assert second is not None
    return till, first, second, text


def test_a_proof_of_an_old_status_qr_says_nothing_of_the_payment_it_was_shown_for() -> None:
    """The order was collected again and paid: that an old QR of it is proven PAID is no conflict."""
    till, first, second, text = collected_again()
    till.answer(till.only(PayCall), till.status(second, G.PAID))
    assert refused(till, text) is Reason.PROOF_SETTLED
    assert not till.records[first].conflict


@pytest.mark.parametrize("settled", [False, True])
def test_an_old_status_qr_never_settles_a_later_payment_and_contradicts_it_aloud(settled: bool) -> None:
    """Open here: the wallet may have charged it, and the cashier is told to ask about it. Not paid here, and proven
    paid: two signed statements disagree."""
    till, first, second, text = collected_again()
    if settled:
        till.answer(till.only(PayCall), till.status(second, G.NOT_PAID, proof=ProofKind.DECLINED))
    assert refused(till, text) is (Reason.PROOF_CONFLICT if settled else Reason.PROOF_LATER_TRY)
    assert till.records[second].conflict is settled
    assert till.records[second].state is (S.NOT_PAID if settled else S.SENDING)
    assert not till.records[first].conflict


def test_after_a_proof_that_it_is_closed_a_sale_goes_on_under_a_new_order() -> None:
    """The gateway takes nothing more under the number that the proof closed."""
    till = dark()
    first = shown(till)
    assert till.read(till.proof_of(first, ProofType.CLOSED)).accepted
    till.up()
    second = till.start(order_no=till.records[first].order_no)
    assert second is not None
    assert till.records[second].order_no != till.records[first].order_no
    assert till.records[second].sale_id == till.records[first].sale_id


# --- when the line returns --------------------------------------------------------------------------------------


def test_what_was_paid_and_left_unproven_is_paid_at_sync() -> None:
    till = dark()
    payment_no = shown(till)
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID, channel="wechat"))
    assert till.views[-1].state is S.PAID
    call = till.only(AckCall).call
    assert isinstance(call, AckCall)
    assert call.payment_no == payment_no


def test_a_proven_order_is_acknowledged_once_the_gateway_said_it_too() -> None:
    till = dark()
    payment_no = shown(till)
    till.wait(2_000)
    till.answer(till.only(QueryCall), silence())
    till.read(till.proof_of(payment_no))
    settled_at_ms = till.records[payment_no].settled_at_ms
    assert not till.calls(AckCall)
    till.wait(10_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID, seq=4))
    assert till.records[payment_no].settled_at_ms == settled_at_ms
    till.answer(till.only(AckCall), till.status(payment_no, G.PAID, seq=4))
    assert payment_no not in till.state.payments


def test_a_proven_order_is_asked_for_after_a_restart_until_the_gateway_said_it() -> None:
    till = dark()
    payment_no = shown(till)
    till.read(till.proof_of(payment_no))
    till.crash()
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID, seq=4))
    assert till.calls(AckCall)


def test_unknown_to_the_gateway_it_is_not_cancelled_before_it_is_surely_over() -> None:
    till = dark()
    payment_no = shown(till)
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.problem(Reason.UNKNOWN_PAYMENT))
    assert till.records[payment_no].state is S.AWAITING_PROOF
    assert not till.calls(CancelCall)
    till.wait(FIRST_SEEN_MS)
    till.answer(till.only(QueryCall), till.problem(Reason.UNKNOWN_PAYMENT))
    tombstone = till.status(payment_no, G.NOT_PAID, proof=ProofKind.TOMBSTONE, cancel_requested=True)
    till.answer(till.only(CancelCall), tombstone)
    assert till.records[payment_no].state is S.NOT_PAID
    assert till.views[-1].safe_to_rescan


def test_a_clock_that_jumped_does_not_keep_an_unseen_order_for_ever() -> None:
    till = dark()
    payment_no = shown(till)
    # The entry was made by a clock that was a year ahead.
    live = till.state.payments[payment_no]
    assert live.record.offline is not None
    ahead = replace(live.record.offline, shown_at_ms=T0_MS + 365 * 86_400_000)
    record = replace(live.record, offline=ahead)
    till.records[payment_no] = record
    till.state = replace(till.state, payments={payment_no: replace(live, record=record)})
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.problem(Reason.UNKNOWN_PAYMENT))
    till.wait(FIRST_SEEN_MS)
    till.answer(till.only(QueryCall), till.problem(Reason.UNKNOWN_PAYMENT))
    assert till.calls(CancelCall)


def test_a_restart_in_front_of_a_shown_order_goes_on_awaiting() -> None:
    till = dark()
    payment_no = shown(till)
    text = till.proof_of(payment_no)
    till.crash()
    assert till.views[-1].state is S.AWAITING_PROOF
    assert till.read(text).accepted


def test_the_answer_about_the_goods_is_journaled_with_the_cancel() -> None:
    till = dark()
    payment_no = shown(till)
    till.cancel(payment_no, goods_handed=True)
    said = till.statements[-1]
    assert isinstance(said, CancelIntended)
    assert said.goods_handed is True
    view = till.views[-1]
    assert view.offline is not None
    assert view.offline.goods_handed is True


def test_a_cancelled_order_that_was_paid_is_said_to_be_cancelled_until_the_gateway_answered() -> None:
    """Its journal may be refused: then nothing else tells the gateway, which gives the money back."""
    till = dark()
    payment_no = shown(till)
    till.cancel(payment_no, goods_handed=False)
    till.answer(till.only(CancelCall), silence())
    till.up()
    lost = till.only(CancelCall)
    till.wait(2_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.PAID))
    assert till.records[payment_no].state is S.PAID
    till.answer(lost, silence())
    till.wait(60_000)
    heard = till.only(CancelCall)
    till.answer(heard, till.status(payment_no, G.PAID))
    till.wait(60_000)
    assert not till.calls(CancelCall)
    till.crash()
    till.answer(till.only(CancelCall), till.status(payment_no, G.PAID))
    till.wait(60_000)
    assert not till.calls(CancelCall)


def test_a_cancel_of_a_payment_over_the_line_ends_with_its_outcome() -> None:
    """Its cashier is told at once that it was paid before, and money is given back by hand."""
    till = Till()
    till.up()
    payment_no = till.start()
    assert payment_no is not None
    till.cancel(payment_no)
    lost = till.only(CancelCall)
    till.answer(till.only(PayCall), till.status(payment_no, G.PAID))
    till.answer(lost, silence())
    till.wait(60_000)
    assert not till.calls(CancelCall)
    till.crash()
    assert not till.calls(CancelCall)


def test_paid_then_closed_at_the_gateway_is_a_conflict_and_stays_paid() -> None:
    till = dark()
    payment_no = shown(till)
    till.read(till.proof_of(payment_no))
    till.wait(3_000)
    till.answer(till.only(QueryCall), till.status(payment_no, G.NOT_PAID, seq=3))
    record = till.records[payment_no]
    assert (record.state, record.conflict) == (S.PAID, True)


def test_a_new_order_of_the_sale_follows_a_proven_not_paid_one() -> None:
    till = dark()
    first = shown(till)
    till.read(till.proof_of(first, ProofType.CLOSED))
    order_no = first.rpartition("-")[0]
    second = till.offline(order_no=order_no)
    assert second is not None
    assert till.records[second].sale_id == till.records[first].sale_id
    assert second.rpartition("-")[0] != order_no
    assert till.offline(order_no=second.rpartition("-")[0]) is None
    assert till.refusals[-1].reason is Reason.ORDER_OPEN


# --- stopped by the gateway -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "stands"),
    [
        (Reason.RATE_LIMITED, True),
        (Reason.CLOCK, True),
        (Reason.REPLAYED, True),
        (Reason.INTERNAL, True),
        (Reason.BAD_SIGNATURE, True),
        (Reason.BAD_REQUEST, True),
        (Reason.GATEWAY_RESTORED, True),
        (Reason.TERMINAL_FROZEN, True),
        (Reason.UNKNOWN_PATH, False),
        (Reason.CONTENT_DIFFERS, False),
    ],
)
def test_a_stopped_till_sells_again_only_by_a_word_about_itself(reason: Reason, stands: bool) -> None:
    """What is refused before the gateway looks at the terminal's standing says nothing of it."""
    till = Till()
    till.state = replace(till.state, kit=KitDesk(epoch=1, offline_key="K"))
    till.do(Opened())
    till.up()
    till.answer(till.only(KitCall), till.problem(Reason.TERMINAL_FROZEN))
    assert till.start() is None
    till.wait(60_000)
    till.answer(till.only(KitCall), till.problem(reason))
    assert till.state.standing is (Reason.TERMINAL_FROZEN if stands else None)
    assert (till.start() is None) is stands


def test_a_word_about_a_payment_that_was_taken_before_ends_no_stop() -> None:
    """The gateway answers for a number that it has, whatever became of the terminal since."""
    till = Till()
    till.state = replace(till.state, kit=KitDesk(epoch=1, offline_key="K"))
    till.do(Opened())
    till.up()
    payment_no = till.start()
    assert payment_no is not None
    till.answer(till.only(KitCall), till.problem(Reason.TERMINAL_FROZEN))
    till.answer(till.only(PayCall), till.status(payment_no, G.SENT))
    assert till.state.standing is Reason.TERMINAL_FROZEN
