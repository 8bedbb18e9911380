"""Rule: only the exact signed bytes of one unambiguous node are believed; one flipped bit, and nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.alipay.envelope import open_envelope
from gateway.channels.alipay.signing import read_public_key, verifies
from gateway.channels.port import (
    ChannelReason,
    Closed,
    Declined,
    NotFound,
    Paid,
    Pending,
    QrReady,
    UndoAcknowledged,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.channels.registry import open_channel
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import NOW_MS, ORDER, PAY_NODE, QUERY_NODE, REF

PAY = wallet.channel().pay(ORDER, now_ms=NOW_MS).read
QUERY = wallet.channel().query(REF, now_ms=NOW_MS).read
CANCEL = wallet.channel().cancel(REF, now_ms=NOW_MS).read
STATEMENTS = (Paid, Declined, Pending, Closed, NotFound, QrReady, UndoAcknowledged, UndoRefused, UndoRetry)
PAY_BODY = wallet.body(PAY_NODE)
DECLINED_BODY = wallet.body({"code": "40004", "sub_code": "ACQ.BUYER_BALANCE_NOT_ENOUGH", "sub_msg": "余额不足"})
CLOSED_BODY = wallet.body({**QUERY_NODE, "trade_status": "TRADE_CLOSED"}, name="alipay_trade_query_response")
UNDONE_BODY = wallet.body({"code": "10000", "retry_flag": "N", "action": "close"}, name="alipay_trade_cancel_response")
READERS = [(PAY, PAY_BODY), (PAY, DECLINED_BODY), (QUERY, CLOSED_BODY), (CANCEL, UNDONE_BODY)]


class Vector(TypedDict):
    public_key_b64_spki: str
    node: str
    sign: str


@pytest.fixture(scope="module")
def vector() -> Vector:
    text = (Path(__file__).parents[2] / "vectors" / "alipay_gateway.json").read_text(encoding="utf-8")
    return cast("Vector", json.loads(text))


def test_a_genuine_production_answer_verifies_over_its_raw_node(vector: Vector) -> None:
    content = f'{{"alipay_trade_pay_response":{vector["node"]},"sign":"{vector["sign"]}"}}'.encode()
    envelope = open_envelope(content, method="alipay.trade.pay")
    assert envelope is not None
    assert envelope.raw_node == vector["node"].encode()
    assert verifies(read_public_key(vector["public_key_b64_spki"]), envelope.raw_node, envelope.sign or "")
    assert not verifies(read_public_key(vector["public_key_b64_spki"]), envelope.raw_node + b" ", envelope.sign or "")


def test_a_genuine_production_answer_is_read_as_paid(vector: Vector) -> None:
    node = cast("dict[str, str]", json.loads(vector["node"]))
    channel = open_channel(wallet.account(wallet_public_key=vector["public_key_b64_spki"]))
    ref = type(REF)(out_trade_no=node["out_trade_no"], amount_fen=1)
    order = type(ORDER)(
        out_trade_no=ref.out_trade_no,
        amount_fen=ref.amount_fen,
        subject="x",
        auth_code=ORDER.auth_code,
        operator="",
        terminal="",
        store="",
        open_for_ms=60_000,
    )
    content = f'{{"alipay_trade_pay_response":{vector["node"]},"sign":"{vector["sign"]}"}}'.encode()
    verdict = channel.pay(order, now_ms=NOW_MS).read(wallet.answer(content))
    assert verdict == Paid(
        transaction_id=node["trade_no"], amount_fen=1, paid_at_ms=1_567_080_845_000, payer_tail="2794"
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"store_name": "a } b"},
        {"store_name": "{{{"},
        {"store_name": '"}'},
        {"store_name": "\\"},
        {"store_name": '\\"}]'},
        {"fund_bill_list": [{"amount": "12.50", "fund_channel": "PCREDIT"}]},
        {"store_name": "\n\t"},
        {"store_name": "😀 ｛｝"},
    ],
)
def test_braces_quotes_and_backslashes_inside_strings_do_not_count(extra: dict[str, object]) -> None:
    for ascii_only in (True, False):
        text = json.dumps({**extra, **PAY_NODE}, ensure_ascii=ascii_only)
        assert isinstance(PAY(wallet.pay_answer(text)), Paid)


def test_escaped_slashes_spaces_and_order_of_names_are_kept_as_they_came() -> None:
    text = json.dumps(PAY_NODE)[:-1].replace('": ', '"   :\r\n') + ',"url":"https:\\/\\/a.b\\/}" }'
    assert isinstance(PAY(wallet.pay_answer(text)), Paid)


def test_sign_may_come_first_and_blanks_may_surround_everything() -> None:
    raw = json.dumps(PAY_NODE).encode()
    content = b' \n{ "sign" : "%s" ,\n"alipay_trade_pay_response" : %s } \n' % (wallet.signature(raw).encode(), raw)
    assert isinstance(PAY(wallet.answer(content)), Paid)


def test_a_refusal_with_a_gbk_message_is_read_in_gbk_and_verified_on_its_bytes() -> None:
    """`\\` and `}` are second bytes of GBK characters: a byte-wise matcher would cut the node in the wrong place."""
    node: dict[str, object] = {"code": "40004", "sub_msg": "余额不足 誠 騸", "sub_code": "ACQ.BUYER_BALANCE_NOT_ENOUGH"}
    assert b"\\" in "誠".encode("gbk")
    assert isinstance(PAY(wallet.pay_answer(node, encoding="gbk")), Declined)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"<html><body>502 Bad Gateway</body></html>",
        PAY_BODY[: len(PAY_BODY) // 2],
        PAY_BODY[:-1],
        PAY_BODY + b"x",
        PAY_BODY + PAY_BODY,
        b"\xef\xbb\xbf" + PAY_BODY,
        PAY_BODY.decode().encode("utf-16"),
        PAY_BODY.replace(b'"msg": "Success"', b'"msg": "\xff\xfe\xff"'),
        PAY_BODY.replace(b"alipay_trade_pay_response", b"alipay_trade_query_response"),
        b'{"alipay_trade_pay_response":{"a":NaN},"sign":"x"}',
        b'{"alipay_trade_pay_response":{"a":1,"a":2},"sign":"x"}',
        b'{"alipay_trade_pay_response":{"a":{"b":1,"b":2}},"sign":"x"}',
        b'{"alipay_trade_pay_response":[],"sign":"x"}',
        b'{"alipay_trade_pay_response":{},"sign":[]}',
        b'{"alipay_trade_pay_response":' + b"[" * 100_000,
        b'{"alipay_trade_pay_response":{"a":' + b"9" * 10_000 + b"}",
        b'{"alipay_trade_pay_response":{},"sign":"x",}',
        PAY_BODY[:-1] + b"," + PAY_BODY[1:],
        PAY_BODY[:-1] + b',"sign":"AAAA"}',
        PAY_BODY[:-1] + b',"error_response":{}}',
        b" " * 300_000 + PAY_BODY,
    ],
)
def test_what_is_not_exactly_one_answer_is_unreadable(content: bytes) -> None:
    verdict = PAY(wallet.answer(content))
    assert verdict == Unknown(reason=ChannelReason.UNREADABLE)


def test_no_signature_settles_nothing() -> None:
    raw = json.dumps(PAY_NODE).encode()
    for tail in (b"", b',"sign":""', b',"sign":null'):
        verdict = PAY(wallet.answer(b'{"alipay_trade_pay_response":' + raw + tail + b"}"))
        assert isinstance(verdict, Unknown)
        assert verdict.reason in {ChannelReason.UNSIGNED, ChannelReason.UNREADABLE}


def test_another_keys_signature_settles_nothing_and_its_code_is_not_repeated() -> None:
    raw = json.dumps({**PAY_NODE, "sub_code": "FORGED"}).encode()
    forged = wallet.signature(raw, wallet.app_key())
    content = b'{"alipay_trade_pay_response":%s,"sign":"%s"}' % (raw, forged.encode())
    assert PAY(wallet.answer(content)) == Unknown(reason=ChannelReason.BAD_SIGNATURE)


@given(which=st.integers(0, len(READERS) - 1), place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_never_states_anything(which: int, place: float, bit: int) -> None:
    read, content = READERS[which]
    assert isinstance(read(wallet.answer(content)), STATEMENTS)
    at = int(place * len(content))
    flipped = content[:at] + bytes([content[at] ^ (1 << bit)]) + content[at + 1 :]
    verdict = read(wallet.answer(flipped))
    assert not isinstance(verdict, STATEMENTS)


def test_the_unused_bits_of_the_last_base64_character_are_not_free() -> None:
    assert PAY_BODY.endswith(b'=="}')
    last = PAY_BODY[-5]
    for other in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        read = PAY(wallet.answer(PAY_BODY[:-5] + bytes([other]) + PAY_BODY[-4:]))
        assert isinstance(read, Paid) == (other == last)


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail_or_state_anything(content: bytes) -> None:
    assert isinstance(PAY(wallet.answer(content)), Unknown)


@given(text=st.text(max_size=60))
def test_any_text_inside_a_signed_node_leaves_the_meaning(text: str) -> None:
    node = {"store_name": text, **PAY_NODE}
    assert isinstance(PAY(wallet.pay_answer(json.dumps(node))), Paid)
