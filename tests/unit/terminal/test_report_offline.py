"""The owner's figures about selling without the line, one figure a test."""

from __future__ import annotations

from protocol.messages import Presented
from protocol.money import Money
from protocol.states import TerminalState
from sync.engine.offline_record import OfflinePart, TakenProof
from sync.engine.record import PaymentRecord
from terminal.reports.offline import OperatorFigures, figures_of

S = TerminalState
AT_MS = 1_790_000_000_000


def order(
    seed: int, state: TerminalState, *, operator: str = "wang", delay_s: int | None = None, kid: int | None = 1,
    handed: bool | None = None,
) -> PaymentRecord:  # fmt: skip
    proof = None
    if delay_s is not None:
        taken_at_ms = AT_MS + delay_s * 1000
        proof = TakenProof(paid=state is S.PAID, taken_at_ms=taken_at_ms, operator=operator, kid=kid, at_s=None)
    part = OfflinePart(
        status=False, order="", epoch=1, oseq=seed, kid=1, base_url="", operator=operator, shown_at_ms=AT_MS,
        until_ms=AT_MS + 180_000, down_ms=None, proof=proof, goods_handed=handed,
    )  # fmt: skip
    return PaymentRecord(
        payment_no=f"{seed}-1", order_no=str(seed), n=1, sale_id="s", amount=Money(1_000), presented=Presented.MERCHANT,
        subject="tea", operator=operator, started_at_ms=AT_MS, state=state, offline=part,
        cancel_intended=handed is not None,
    )  # fmt: skip


def only(*orders: PaymentRecord, lost: tuple[str, ...] = ()) -> OperatorFigures:
    (found,) = figures_of(orders, lost)
    return found


def test_the_delay_runs_from_the_qr_to_the_proof() -> None:
    found = only(*(order(seed, S.PAID, delay_s=delay) for seed, delay in ((1, 20), (2, 30), (3, 400))))
    assert (found.delay_median_s, found.delay_longest_s) == (30, 400)


def test_the_share_of_typed_codes_is_of_what_was_proven() -> None:
    found = only(
        order(1, S.PAID, delay_s=5, kid=None),
        order(2, S.PAID, delay_s=5),
        order(3, S.PAID, delay_s=5),
        order(4, S.PAID),
    )
    assert (found.proven, found.typed, found.typed_percent, found.late) == (3, 1, 33, 1)
    assert only(order(1, S.AWAITING_PROOF)).typed_percent is None


def test_cancelled_after_display_and_where_the_goods_were() -> None:
    found = only(order(1, S.NOT_PAID, handed=True), order(2, S.CANCELLING, handed=False), order(3, S.AWAITING_PROOF))
    assert (found.cancelled, found.handed, found.awaiting, found.shown_fen) == (2, 1, 1, 3_000)


def test_outages_count_for_who_was_at_the_counter_even_without_an_offline_order() -> None:
    found = figures_of([order(1, S.PAID, delay_s=1)], ["li", "li", "wang"])
    assert [(one.operator, one.shown, one.outages) for one in found] == [("wang", 1, 1), ("li", 0, 2)]
