"""Rule: an acknowledged reversal and an accepted refund are statements; only a query says what became of the money."""

from __future__ import annotations

import pytest

from gateway.channels.port import (
    ChannelReason,
    Mismatch,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundRefused,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.channels.unionpay import codes
from gateway.channels.unionpay.times import unix_ms_of
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import (
    NOW_MS,
    REF,
    REFUND,
    REFUND_NO,
    REFUND_TIME,
)

CHANNEL = wallet.channel()
CANCEL = CHANNEL.cancel(REF, now_ms=NOW_MS).read
CLOSE = CHANNEL.close(REF, now_ms=NOW_MS).read
RE = CHANNEL.refund(REFUND, now_ms=NOW_MS).read
RE_QUERY = CHANNEL.refund_query(REFUND, now_ms=NOW_MS).read


# --- reversal


@pytest.mark.parametrize("code", wallet.LISTED)
def test_what_a_reversal_is_answered(code: str) -> None:
    verdict = CANCEL(wallet.reversal(code))
    assert CLOSE(wallet.reversal(code)) == verdict
    if code in {"00", "45"}:
        assert verdict == UndoAcknowledged(action=UndoAction.NONE)
    elif code in {"03", "04", "05", "70", "PR05"}:
        assert verdict == UndoRetry(code=code)
    elif code in codes.UNDO_REFUSED:
        assert verdict == UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
    else:
        assert isinstance(verdict, Unknown)


# --- refund


@pytest.mark.parametrize("code", wallet.LISTED)
def test_a_refund_that_was_accepted_is_open_not_done(code: str) -> None:
    verdict = RE(wallet.refund_said(code))
    if code in {"00", "A6", "00A6", "03", "04", "05", "70", "PR05", "12"}:
        assert verdict == RefundOpen(code=code)
    elif code in codes.REFUND_LATER:
        assert verdict == RefundRefused(code=code, reason=codes.REFUND_LATER[code], final=False)
    elif code in codes.REFUND_NEVER:
        assert verdict == RefundRefused(code=code, reason=ChannelReason.REFUND_REFUSED, final=True)
    else:
        assert isinstance(verdict, Unknown)


def test_a_merchant_whose_balance_is_low_refunds_later_under_the_same_number() -> None:
    assert RE(wallet.refund_said("64")) == RefundRefused(
        code="64", reason=ChannelReason.SELLER_BALANCE_LOW, final=False
    )


def test_an_answer_about_another_original_is_a_mismatch() -> None:
    assert RE(wallet.refund_said("00", origQryId="1")) == Mismatch(fields=("origQryId",))
    assert RE_QUERY(wallet.refund_found("00", origQryId="1")) == Mismatch(fields=("origQryId",))


@pytest.mark.parametrize("code", wallet.LISTED)
def test_what_a_query_says_of_the_refund(code: str) -> None:
    verdict = RE_QUERY(wallet.refund_found(code))
    if code in {"00", "A6", "00A6"}:
        done_at_ms = unix_ms_of("20261122100005")
        assert verdict == RefundDone(amount_fen=250, channel_refund_id="052611221100004785748", done_at_ms=done_at_ms)
    elif code in {"03", "04", "05", "70", "PR05"}:
        assert verdict == RefundOpen(code=code)
    elif code in {"02", "69", "99"}:
        assert isinstance(verdict, Unknown), "no reason, or a time-out"
    elif code in codes.FAILED or code in codes.REFUND_NEVER:
        assert isinstance(verdict, RefundRefused)
        assert verdict.final
    else:
        assert isinstance(verdict, Unknown)


@pytest.mark.parametrize("code", ["34", "35"])
def test_a_refund_that_unionpay_does_not_know_may_be_sent_again(code: str) -> None:
    about = {"orderId": REFUND_NO, "txnTime": REFUND_TIME, "txnType": "00", "txnSubType": "00"}
    assert RE_QUERY(wallet.said(respCode=code, **about)) == RefundAbsent(code=code)


def test_a_refund_of_another_amount_is_a_mismatch() -> None:
    assert RE_QUERY(wallet.refund_found("00", txnAmt="251")) == Mismatch(fields=("txnAmt",))
    assert RE_QUERY(wallet.refund_found("00", txnAmt="1250")) == Mismatch(fields=("txnAmt",))
