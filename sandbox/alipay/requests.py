"""Reads a method's biz_content. Every field is checked for form before anything is done with it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.alipay.beijing import parse_duration_ms, parse_stamp
from sandbox.alipay.money import fen_from_yuan
from sandbox.alipay.trades import Order

_OUT_TRADE_NO = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_MAX_SUBJECT = 256
_MAX_REQUEST_NO = 64
_QR_LIFE_MS = 7_200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """The request cannot be understood; `why` says which field."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRef:
    """Which trade a query, cancel or close is about. When both are given, Alipay goes by trade_no."""

    out_trade_no: str
    trade_no: str


def text_field(biz: Mapping[str, object], name: str) -> str:
    """A text field, empty when absent or not text. A lone surrogate, which no charset can carry, becomes `?`."""
    value = biz.get(name)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def read_order(biz: Mapping[str, object], notify_url: str, now_ms: int) -> Order | Malformed:
    out_trade_no = text_field(biz, "out_trade_no")
    if not _OUT_TRADE_NO.fullmatch(out_trade_no):
        return Malformed(why="out_trade_no 应为 1 到 64 位字母、数字或下划线")
    total_fen = fen_from_yuan(text_field(biz, "total_amount"))
    if total_fen is None:
        return Malformed(why="total_amount 应为 0.01 到 100000000 元，最多两位小数")
    subject = text_field(biz, "subject")
    if not 0 < len(subject) <= _MAX_SUBJECT:
        return Malformed(why="subject 不能为空，且不超过 256 个字符")
    expires_ms = _read_limit(biz, ("timeout_express",), now_ms)
    if isinstance(expires_ms, Malformed):
        return expires_ms
    return Order(
        out_trade_no=out_trade_no,
        total_fen=total_fen,
        subject=subject,
        store_id=text_field(biz, "store_id"),
        terminal_id=text_field(biz, "terminal_id"),
        expires_ms=expires_ms,
        notify_url=notify_url,
    )


def read_qr_limit(biz: Mapping[str, object], now_ms: int) -> int | Malformed:
    """When a precreated QR stops working: the earlier of its limits, two hours without any."""
    limit_ms = _read_limit(biz, ("qr_code_timeout_express", "timeout_express"), now_ms)
    return now_ms + _QR_LIFE_MS if limit_ms is None else limit_ms


def read_trade_ref(biz: Mapping[str, object]) -> TradeRef | Malformed:
    ref = TradeRef(out_trade_no=text_field(biz, "out_trade_no"), trade_no=text_field(biz, "trade_no"))
    if not ref.out_trade_no and not ref.trade_no:
        return Malformed(why="out_trade_no 与 trade_no 至少传一个")
    return ref


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    ref: TradeRef
    amount_fen: int
    request_no: str
    """Empty: the shop gave none, which is allowed for a refund of everything."""


def read_refund(biz: Mapping[str, object]) -> RefundRequest | Malformed:
    ref = read_trade_ref(biz)
    if isinstance(ref, Malformed):
        return ref
    amount_fen = fen_from_yuan(text_field(biz, "refund_amount"))
    if amount_fen is None:
        return Malformed(why="refund_amount 应为 0.01 元以上，最多两位小数")
    request_no = text_field(biz, "out_request_no")
    if len(request_no) > _MAX_REQUEST_NO:
        return Malformed(why="out_request_no 不超过 64 个字符")
    return RefundRequest(ref=ref, amount_fen=amount_fen, request_no=request_no)


def _read_limit(biz: Mapping[str, object], durations: tuple[str, ...], now_ms: int) -> int | Malformed | None:
    """The time limit as a moment. time_expire, an absolute time, goes before the durations, as Alipay documents."""
    absolute = text_field(biz, "time_expire")
    if absolute:
        limit_ms = parse_stamp(absolute)
        if limit_ms is None or limit_ms <= now_ms:
            return Malformed(why="time_expire 应为将来的时间，格式 yyyy-MM-dd HH:mm:ss")
        return limit_ms
    limits: list[int] = []
    for name in durations:
        text = text_field(biz, name)
        if text:
            duration_ms = parse_duration_ms(text, now_ms)
            if duration_ms is None:
                return Malformed(why=f"{name} 应为 1m 到 15d，或 1c")
            limits.append(now_ms + duration_ms)
    return min(limits, default=None)
