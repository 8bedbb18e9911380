"""The rules about what the gateway answers see what they must see, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proof.simulation import answer_rules
from proof.simulation.answer_rules import AsItWas, NoticeAnswered, Refused
from proof.simulation.evidence import Evidence, GatewayRow
from proof.simulation.evidence_side import SideRows, StandingRow
from proof.simulation.network import Reply
from protocol.messages import LateMoneyState, PaymentRequest, Presented, RefundRequest, encode
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.signature import RequestParts
from protocol.states import GatewayState
from tests.unit.proof.evidence_on_paper import (
    NOW_MS,
    NUMBER,
    SECOND,
    TILL,
    PaperGateway,
    PaperSide,
    order_row,
    payment_row,
    refund_row,
)

G = GatewayState


@pytest.fixture
def gateway() -> PaperGateway:
    return PaperGateway()


@pytest.fixture
def evidence(gateway: PaperGateway) -> Evidence:
    return Evidence(
        gateway=gateway, tills={}, money=lambda _: None, now_ms=lambda: NOW_MS, strict=True, faultless=False
    )


def request(path: str, body: bytes = b"") -> RequestParts:
    return RequestParts(
        method="POST" if body else "GET", authority="gateway.test", path=path, query="", headers={}, body=body
    )


def pays(n: int = 2) -> RequestParts:
    asked = PaymentRequest(
        payment_no=f"{NUMBER}-{n}",
        sale_id=SECOND,
        amount_fen=1_000,
        currency="CNY",
        presented=Presented.CUSTOMER,
        auth_code=Secret("281234567890123456"),
        subject="",
        operator="01",
        expires=NOW_MS,
    )
    return request("/v1/payments", encode(asked))


def gives_back(fen: int) -> RequestParts:
    asked = RefundRequest(refund_no=SECOND, amount_fen=fen, currency="CNY", note="", operator="01")
    return request(f"/v1/payments/{NUMBER}-1/refunds", encode(asked))


def was(*rows: GatewayRow, standing: StandingRow | None = None, back_fen: int = 0) -> AsItWas:
    refunds = {"r": refund_row(back_fen)} if back_fen else {}
    side = SideRows(standings={} if standing is None else {TILL: standing})
    return AsItWas(rows={row.payment_no: row for row in rows}, refunds=refunds, side=side)


def complains(
    evidence: Evidence, asked: RequestParts, reason: Reason, before: AsItWas, now: AsItWas | None = None, epoch: int = 1
) -> bool:
    refused = Refused(
        request=asked, reason=reason, terminal_id=TILL, epoch=epoch, before=before, now=before if now is None else now
    )
    return bool(list(answer_rules.a_refusal_of_the_gateway_is_so(evidence, refused)))


OPEN, PAID, ENDED = payment_row(G.SENT), payment_row(G.PAID), payment_row(G.NOT_PAID)
LATE, KEPT = payment_row(G.NOT_PAID, late=LateMoneyState.FOUND), payment_row(G.NOT_PAID, late=LateMoneyState.ACCEPTED)


@pytest.mark.parametrize(
    ("reason", "row", "wrong"),
    [
        (Reason.ORDER_OPEN, OPEN, False),
        (Reason.ORDER_OPEN, LATE, False),
        (Reason.ORDER_OPEN, ENDED, True),
        (Reason.ORDER_PAID, PAID, False),
        (Reason.ORDER_PAID, KEPT, False),
        (Reason.ORDER_PAID, ENDED, True),
        (Reason.ORDER_CANCELLED, replace(ENDED, cancel_requested=True), False),
        (Reason.ORDER_CANCELLED, ENDED, True),
        (Reason.RATE_LIMITED, ENDED, False),
    ],
)
def test_a_payment_is_refused_for_what_is_so(evidence: Evidence, reason: Reason, row: GatewayRow, wrong: bool) -> None:
    assert complains(evidence, pays(), reason, was(row)) is wrong


def test_what_was_so_when_it_was_asked_is_said_rightly(evidence: Evidence) -> None:
    assert not complains(evidence, pays(), Reason.ORDER_OPEN, was(OPEN), was(ENDED))
    assert not complains(evidence, pays(), Reason.ORDER_OPEN, was(ENDED), was(OPEN))


@pytest.mark.parametrize(
    ("reason", "standing", "epoch", "wrong"),
    [
        (Reason.TERMINAL_FROZEN, StandingRow(epoch=1, frozen=True), 1, False),
        (Reason.TERMINAL_FROZEN, StandingRow(epoch=2, frozen=False), 1, False),
        (Reason.TERMINAL_FROZEN, StandingRow(epoch=2, frozen=False), 2, True),
        (Reason.TERMINAL_REVOKED, StandingRow(epoch=1, frozen=True), 1, True),
        (Reason.TERMINAL_REVOKED, StandingRow(epoch=1, frozen=False, revoked=True), 1, False),
    ],
)
def test_a_till_is_refused_for_how_it_stands(
    evidence: Evidence, reason: Reason, standing: StandingRow, epoch: int, wrong: bool
) -> None:
    assert complains(evidence, pays(), reason, was(ENDED, standing=standing), epoch=epoch) is wrong


def test_a_refund_is_refused_for_what_is_so(evidence: Evidence, gateway: PaperGateway) -> None:
    gateway.rows[PAID.payment_no], gateway.orders[f"{NUMBER}00"] = PAID, order_row()
    assert complains(evidence, gives_back(600), Reason.PAYMENT_NOT_PAID, was(PAID))
    assert not complains(evidence, gives_back(600), Reason.PAYMENT_NOT_PAID, was(ENDED))
    assert complains(evidence, gives_back(600), Reason.REFUND_EXCEEDS, was(PAID, back_fen=400))
    assert not complains(evidence, gives_back(601), Reason.REFUND_EXCEEDS, was(PAID, back_fen=400))


def test_what_is_here_is_not_unknown(evidence: Evidence) -> None:
    asked = request(f"/v1/payments/{NUMBER}-1")
    assert complains(evidence, asked, Reason.UNKNOWN_PAYMENT, was(OPEN))
    assert not complains(evidence, asked, Reason.UNKNOWN_PAYMENT, was(), was(OPEN))
    assert not complains(evidence, asked, Reason.UNKNOWN_PAYMENT, was(replace(OPEN, terminal_id="another")))


@pytest.mark.parametrize("reason", [Reason.CONTENT_DIFFERS, Reason.JOURNAL_FORK, Reason.GATEWAY_RESTORED])
def test_a_till_that_keeps_the_rules_is_not_called_another(evidence: Evidence, reason: Reason) -> None:
    assert complains(evidence, pays(), reason, was(OPEN))
    evidence.unruly.add(TILL)
    evidence.restored.at_ms = NOW_MS
    assert not complains(evidence, pays(), reason, was(OPEN))


def test_a_notification_that_was_received_is_in_the_file(evidence: Evidence) -> None:
    """One row for each time that a wallet was told so."""
    side = PaperSide()
    evidence.side.file = side

    def heard(received: bool) -> bool:
        return bool(
            list(
                answer_rules.a_notice_is_kept_before_it_is_answered(
                    evidence, NoticeAnswered(account_id="a", received=received)
                )
            )
        )

    assert not heard(False)
    side.kept = (1, 3)
    assert not heard(True)
    assert heard(True)
    side.kept = (3, 300)
    assert not heard(True)
    assert not heard(True), "of so many an hour no more is kept"


@pytest.mark.parametrize(
    ("wallet", "status", "body", "received"),
    [
        ("alipay", 200, b"success", True),
        ("alipay", 200, b"fail", False),
        ("wechat", 200, b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>", True),
        ("wechat", 500, b"", False),
        ("unionpay", 200, b"", True),
        ("unionpay", 400, b"ok", False),
    ],
)
def test_each_wallet_has_its_own_word_for_received(wallet: str, status: int, body: bytes, received: bool) -> None:
    assert answer_rules.is_received(wallet, Reply(status=status, headers={}, body=body)) is received
