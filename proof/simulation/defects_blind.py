"""Defects that nobody had a rule for: what a till says wrongly though no money is lost by it, who is handed an order,
and what the gateway forgets about what it did rightly.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

BLIND: Final = (
    Defect(
        name="a till shows the front of the wallet's number",
        trips=by("the_tail_is_its_wallets"),
        file="gateway/payments/status.py",
        old="payment.transaction_id[-_TAIL:]",
        new="payment.transaction_id[:_TAIL]",
        profile="mix",
    ),
    Defect(
        name="any payer of the same wallet is handed an open order",
        trips=by("one_payer_per_order"),
        file="gateway/payments/paging.py",
        old="mine = live.channel == channel and live.payer_mark == payer_mark",
        new="mine = live.channel == channel",
        profile="qr",
    ),
    Defect(
        name="a QR is told after the cancel was taken",
        trips=by("a_qr_is_for_paying"),
        file="gateway/payments/status.py",
        old=" and payment.cancel_requested_ms is None\n",
        new="\n",
        profile="qr",
    ),
    Defect(
        name="an order is closed for another payer where a close takes money back",
        trips=by("row_before_channel_call", "paid_stays_paid", "a_proof_is_true"),
        file="gateway/cashier_page/pressing.py",
        old='frozenset({"wechat", "alipay"})',
        new='frozenset({"wechat", "alipay", "unionpay"})',
        profile="qr",
    ),
    Defect(
        name="an order begins for no sale although its journal named it",
        trips=by("sales_are_known"),
        file="gateway/jobs/offline_orders.py",
        old="            sale_id = sale_told(tx, order)",
        new="            sale_id = None",
        profile="offline",
    ),
    Defect(
        name="a till does not note that its cancelled order went back",
        trips=by("what_went_back_is_told"),
        file="sync/engine/answers.py",
        old="    if status.given_back_ms is not None:",
        new="    if False:",
        profile="offline",
    ),
    Defect(
        name="a gateway that failed for a moment keeps an entry from its journal",
        trips=by("contents_are_delivered"),
        file="sync/delivery.py",
        old="frozenset({Reason.BAD_REQUEST, Reason.TOO_LARGE, Reason.CONTENT_DIFFERS})",
        new="frozenset({Reason.BAD_REQUEST, Reason.TOO_LARGE, Reason.CONTENT_DIFFERS, Reason.INTERNAL, Reason.CLOCK})",
        profile="mix",
    ),
    Defect(
        name="what a proof showed counts twice until it is delivered",
        trips=by("what_is_undelivered_is_counted"),
        file="sync/journal/unsent.py",
        old="return 0 if record is None or proven else record.amount.fen",
        new="return 0 if record is None else record.amount.fen",
        profile="offline",
    ),
    Defect(
        name="cash that was given back still pays for its sale",
        trips=by("a_refusal_says_what_is_so"),
        file="sync/journal/cash_rows.py",
        old="where sale_id = ? and returned_at_ms is null",
        new="where sale_id = ?",
        profile="cash",
    ),
    Defect(
        name="the change is all that was handed over",
        trips=by("the_change_is_right"),
        file="sync/engine/cash.py",
        old="change_fen=command.received_fen - command.amount.fen",
        new="change_fen=command.received_fen",
        profile="cash",
    ),
    Defect(
        name="what is left of a charge forgets what went back",
        trips=by("what_is_left_is_true"),
        file="gateway/store/refunds.py",
        old="return 0 if row is None else row[0] - row[1]",
        new="return 0 if row is None else row[0]",
        profile="default",
    ),
    Defect(
        name="the alarm about a cancelled order stays when all of it is back",
        trips=by("nobody_looks_for_what_is_back"),
        file="gateway/jobs/keeping.py",
        old="    for kind in (AlarmKind.PAID_TWICE, AlarmKind.CANCELLED_PAID):",
        new="    for kind in (AlarmKind.PAID_TWICE,):",
        profile="offline",
    ),
    Defect(
        name="a refund of a cancelled order says nothing to its payment",
        trips=by("what_went_back_is_told"),
        file="gateway/jobs/keeping.py",
        old="return None if refund.cause is RefundCause.TILL else _gone_back(",
        new="return None if refund.cause in (RefundCause.TILL, RefundCause.CANCELLED) else _gone_back(",
        profile="offline",
    ),
    Defect(
        name="a repeated call for a page is not written down",
        trips=by("an_end_was_seen"),
        file="gateway/cashier_page/pressing.py",
        old=("        again = asked_again(live)\n        payments.save_channel_order(tx, again, before=live)\n"),
        new="        again = live\n",
        profile="qr",
    ),
    Defect(
        name="cash looks at an order's last payment alone",
        trips=by("one_tender_is_kept"),
        file="sync/completing.py",
        old=("        of_sale=() if last is None else journal.of_sale(last.sale_id),\n        covered"),
        new=("        of_sale=() if last is None else (last,),\n        covered"),
        profile="cash",
    ),
    Defect(
        name="a command whose commit was in doubt is refused although it is there",
        trips=by("a_refusal_says_what_is_so"),
        file="sync/doubt.py",
        old="return journal.hash_at(self.commit.seq) == self.commit.digest",
        new="return False",
        profile="mix",
    ),
    Defect(
        name="absence counts from when it was asked and not from its answer",
        trips=by("an_end_was_seen"),
        file="gateway/payments/answers.py",
        old="order=replace(order, absent_since_ms=now_ms))",
        new="order=replace(order, absent_since_ms=asked_ms))",
        profile="slow",
    ),
)
