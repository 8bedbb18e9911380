"""The request of a refund, made from its journaled intent: the same bytes of meaning each time it is sent again."""

from __future__ import annotations

from protocol.messages import RefundRequest
from protocol.money import CNY
from sync.engine.refund_record import RefundRecord


def request_of(record: RefundRecord) -> RefundRequest:
    """What `POST /v1/payments/{payment_no}/refunds` carries."""
    return RefundRequest(
        refund_no=record.refund_no,
        amount_fen=record.amount.fen,
        currency=CNY,
        note=record.note,
        operator=record.operator,
    )
