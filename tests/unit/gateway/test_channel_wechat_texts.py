"""Rule: hostile XML or JSON is no answer, costs nothing, and fetches nothing; what is written reads back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.wechat.json_text import fen_of, part_of, read_json, text_of, write_json
from gateway.channels.wechat.times import rfc3339_text, unix_ms_of
from gateway.channels.wechat.wording import plain
from gateway.channels.wechat.xml_text import read_xml, write_xml
from tests.unit.gateway.channel_wechat_wallet import OPENED_MS

_LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 10))
    + "]><xml><return_code>&lol9;</return_code></xml>"
)


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE xml SYSTEM "http://127.0.0.1:1/x.dtd"><xml><a>1</a></xml>',
        '<!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><a>&x;</a></xml>',
        '<!DOCTYPE xml [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p">%p;]><xml><a>1</a></xml>',
        "<!DOCTYPE xml><xml><a>1</a></xml>",
        _LAUGHS,
        "<xml><a>&undefined;</a></xml>",
        "<xml><a><b>1</b></a></xml>",
        "<xml>" * 100_000,
        "<xml><a>1</a><a>2</a></xml>",
        '<xml><a b="1">1</a></xml>',
        '<xml b="1"><a>1</a></xml>',
        "<xml>loose<a>1</a></xml>",
        "<xml><a>1</a></xml><xml><a>2</a></xml>",
        "<xml><?php exit ?><a>1</a></xml>",
        "<html><body>502 Bad Gateway</body></html>",
        "<xml><a>1</a>",
        "<xml><中>1</中></xml>",
        "not xml",
        "",
        "<xml>" + "".join(f"<f{n}>1</f{n}>" for n in range(1_001)) + "</xml>",
        "<xml><a>" + "1" * 300_000 + "</a></xml>",
    ],
    ids=range(21),
)
def test_what_is_not_flat_xml_is_refused_whole(text: str) -> None:
    assert read_xml(text.encode()) is None


def test_utf_8_is_read_whatever_the_document_says_and_other_bytes_are_not() -> None:
    named = '<?xml version="1.0" encoding="GBK"?><xml><a><![CDATA[中]]></a></xml>'
    assert read_xml(named.encode()) == {"a": "中"}
    assert read_xml(b"\xef\xbb\xbf" + "<xml><a>中</a></xml>".encode()) == {"a": "中"}
    assert read_xml("<xml><a>中</a></xml>".encode("gbk")) is None
    assert read_xml("<xml><a>1</a></xml>".encode("utf-16")) is None


def test_fields_are_read_as_they_are() -> None:
    body = b"<xml>\n <a><![CDATA[ 1 ]]></a>\n<b>2 &lt;&amp;&#65;</b>\n<empty></empty><none/></xml>\n"
    assert read_xml(body) == {"a": " 1 ", "b": "2 <&A", "empty": "", "none": ""}
    assert read_xml(b"<root><a>1</a></root>", root="root") == {"a": "1"}
    assert read_xml(b"<root><a>1</a></root>") is None


_TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"))


@given(_TEXT)
def test_what_is_written_is_read_back(text: str) -> None:
    assert read_xml(write_xml({"a": text, "b": "]]>"})) == {"a": text, "b": "]]>"}
    assert read_json(write_json({"a": text})) == {"a": text}


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_raise(body: bytes) -> None:
    for wrapped in (body, b"<xml><a>" + body + b"</a></xml>", b"{" + body + b"}"):
        assert read_xml(wrapped) is None or isinstance(read_xml(wrapped), dict)
        assert read_json(wrapped) is None or isinstance(read_json(wrapped), dict)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":{"b":1,"b":2}}',
        '{"a":NaN}',
        '{"a":1}{"b":2}',
        "[1]",
        '"text"',
        "",
        "<html></html>",
        '{"a":' * 100_000,
        '{"a":' + "9" * 5_000 + "}",
        '{"a":"' + "x" * 300_000 + '"}',
    ],
    ids=range(11),
)
def test_what_has_not_one_meaning_is_no_json(text: str) -> None:
    assert read_json(text.encode()) is None


def test_money_is_a_whole_number_and_nothing_else() -> None:
    told = read_json(b'{"a":100,"b":100.0,"c":"100","d":true,"e":-1,"f":1e2,"g":0}')
    assert told is not None
    assert [fen_of(told, name) for name in "abcdefgh"] == [100, None, None, None, None, None, 0, None]
    assert text_of(told, "a") == ""
    assert part_of(told, "a") == {}


def test_times_are_beijings() -> None:
    for text in ("20261122100000", "2026-11-22 10:00:00", "2026-11-22T10:00:00+08:00", "2026-11-22T02:00:00Z"):
        assert unix_ms_of(text) == OPENED_MS
    for text in ("", "20261322100000", "2026-11-22T10:00:00", "2026-11-22", "x" * 14):
        assert unix_ms_of(text) is None
    assert rfc3339_text(OPENED_MS) == "2026-11-22T10:00:00+08:00"
    assert rfc3339_text(OPENED_MS + 1) == "2026-11-22T10:00:01+08:00"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("早餐 豆浆", "早餐 豆浆"),
        ("  早餐\t\n豆浆 ", "早餐 豆浆"),
        ("早餐🥟豆浆", "早餐 豆浆"),
        ("\x00\x1b[31m", "[31m"),
        ("\ud800", ""),
        ("中" * 100, "中" * 42),
        ("a" * 126 + "中", "a" * 126),
        ("+=&%<>\"'", "+=&%<>\"'"),
    ],
)
def test_a_shops_text_is_cut_at_a_character_and_loses_what_cannot_be_paid(text: str, sent: str) -> None:
    assert plain(text, max_bytes=127) == sent
