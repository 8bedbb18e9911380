"""No input within its limits takes more than a little time or memory: the known bombs, one by one."""

from __future__ import annotations

import gzip
import io
import json
import time
import tracemalloc
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable

import pytest

from gateway.bills.line import BadBill, BillFile, Unreadable
from gateway.bills.parsers.packing import members, plain
from gateway.bills.parsers.reading import read_bill
from gateway.channels.alipay.envelope import open_envelope
from gateway.channels.alipay.forms import open_form
from gateway.channels.port import BillKind
from gateway.channels.unionpay.file import inflated
from gateway.channels.unionpay.form import parse_answer, parse_notification
from gateway.channels.wechat.json_text import read_json
from gateway.channels.wechat.xml_text import read_xml
from gateway.configure.document import read_document
from gateway.configure.faults import Faults
from protocol.messages import PaymentRequest, UndecodableError, decode

MB = 1_048_576
LIMIT = 262_144
FILE = BillFile(day="2026-11-22", sha256="ab" * 32)
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(10))
    + b"]><xml><a>&k;</a></xml>"
)


def open_query(body: bytes) -> object:
    return open_envelope(body, method="alipay.trade.query")


def spent(work: Callable[[], object]) -> tuple[object, float, float]:
    """The result, seconds of the processor, and the most megabytes at once."""
    tracemalloc.start()
    began = time.process_time()
    try:
        found = work()
        return found, time.process_time() - began, tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("reader", "body"),
    [
        (read_xml, LAUGHS),
        (read_xml, b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><a>&a;</a></xml>'),
        (read_xml, b"<xml>" + b"<a>" * 80_000),
        (read_xml, b"<xml>" + b"".join(b"<a%d/>" % n for n in range(25_000)) + b"</xml>"),
        (read_xml, b"<xml " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>"),
        (read_json, b"[" * LIMIT),
        (read_json, b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        (read_json, b'{"a":' + b"9" * 200_000 + b"}"),
        (read_json, b'{"a":"' + b"\\ud800" * 40_000 + b'"}'),
        (parse_notification, b"&".join(b"a%d=1" % n for n in range(8_000))),
        (parse_answer, b"&" * 65_536),
        (open_form, b"&".join(b"a%d=1" % n for n in range(8_000))),
        (open_form, b"a=" + b"%FF" * 21_000),
        (open_query, b'{"alipay_trade_query_response":' + b"[" * 200_000),
        (open_query, b'{"a":1' + b" " * 200_000),
    ],
)  # fmt: skip
def test_a_text_of_a_wallet_that_is_a_bomb_is_no_text(reader: Callable[[bytes], object], body: bytes) -> None:
    found, seconds, megabytes = spent(lambda: reader(body))
    assert found is None
    assert seconds < 2.0
    assert megabytes < 48


def test_a_huge_number_is_no_amount_and_a_deep_body_no_message() -> None:
    """A whole number is compared and kept: more digits than anybody could keep are refused where they are read."""
    assert read_json(b'{"a":1234567890123456789}') is None
    assert read_json(b'{"a":123456789012345678}') == {"a": 123456789012345678}
    for body in (b'{"amount_fen":' + b"9" * 60_000 + b"}", b'{"payment_no":' + b"[" * 60_000):
        _, seconds, megabytes = spent(lambda body=body: _refused(body))
        assert seconds < 1.0
        assert megabytes < 16


def _refused(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(PaymentRequest, body)


def test_half_a_surrogate_pair_is_refused_where_it_is_read_and_a_whole_one_is_a_letter() -> None:
    assert read_json(b'{"a":"\\ud83d"}') is None
    assert read_json(b'{"a":["\\uD83D\\uDE00"]}') == {"a": ["😀"]}
    node = b'{"alipay_trade_query_response":{"code":"%s"},"sign":"AA"}'
    assert open_envelope(node % b"\\ud83d", method="alipay.trade.query") is None
    assert open_envelope(node % b"\\ud83d\\ude00", method="alipay.trade.query") is not None


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 5_000, "a = " + "9" * 20_000, "a." * 20_000 + "b = 1", "a = 1e999999999", "[" * 9_999]
)
def test_an_owners_document_that_is_a_bomb_has_a_fault(text: str) -> None:
    found, seconds, _ = spent(lambda: read_document(text, files={}, time_zones=()))
    assert isinstance(found, Faults)
    assert seconds < 2.0


def zipped(content: bytes, name: str = "a", *, times: int = 1) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(times):
            archive.writestr(f"{name}{number}", content)
    return packed.getvalue()


def test_what_is_packed_a_thousandfold_is_not_unpacked_beyond_its_limit() -> None:
    zeros = bytes(32 * MB)
    for work in (
        lambda: members(zipped(zeros), most_bytes=MB),
        lambda: members(zipped(zeros[:MB], times=60), most_bytes=4 * MB),
        lambda: plain(gzip.compress(zeros, mtime=0), most_bytes=MB),
    ):
        _, seconds, megabytes = spent(lambda work=work: _too_large(work))
        assert seconds < 5.0
        assert megabytes < 90  # the bomb itself is made here, too


def _too_large(work: Callable[[], object]) -> None:
    with pytest.raises(BadBill, match="too_large"):
        work()


def test_a_file_of_nothing_but_line_ends_is_no_bill() -> None:
    """It would be a list of a hundred million empty lines."""
    bomb = b"\n" * (32 * MB)
    packed = {
        "wechat": gzip.compress(bomb, mtime=0),
        "alipay": _named(bomb, "业务明细.csv"),
        "unionpay": _named(bomb, "ZM_"),
    }
    for channel, content in packed.items():
        found, seconds, megabytes = spent(
            lambda channel=channel, content=content: read_bill(channel, BillKind.TRADE, content, FILE)
        )
        assert isinstance(found, Unreadable), channel
        assert found.what == "lines", channel
        assert seconds < 5.0
        assert megabytes < 120


def _named(content: bytes, name: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def test_a_bill_of_ten_thousand_columns_is_no_bill() -> None:
    header = ",".join(["交易时间", *(f"c{n}" for n in range(10_000))]).encode()
    found = read_bill("wechat", BillKind.TRADE, header + b"\n", FILE)
    assert isinstance(found, Unreadable)
    assert found.what == "columns"


def test_an_archive_whose_member_has_no_name_is_no_bill_and_no_crash() -> None:
    """Found by the fuzzer: the library looks at the last letter of a name that has none."""
    packed = bytearray(_named(b"x" * 50, "a"))
    central = packed.rindex(b"PK\x01\x02")
    packed[central + 28 : central + 30] = b"\0\0"
    assert isinstance(read_bill("alipay", BillKind.TRADE, bytes(packed), FILE), Unreadable)
    assert isinstance(read_bill("unionpay", BillKind.TRADE, bytes(packed), FILE), Unreadable)


def test_an_inflated_settlement_file_has_a_limit() -> None:
    bomb = b64encode(zlib.compress(bytes(70 * MB))).decode()
    found, seconds, megabytes = spent(lambda: inflated(bomb))
    assert found is None
    assert seconds < 5.0
    assert megabytes < 150


def test_json_of_a_bill_stays_small() -> None:
    """A list of many small values is what JSON makes the most memory of."""
    body = json.dumps({"a": [{}] * 60_000}).encode()[:LIMIT]
    _, seconds, megabytes = spent(lambda: read_json(body))
    assert seconds < 2.0
    assert megabytes < 48
