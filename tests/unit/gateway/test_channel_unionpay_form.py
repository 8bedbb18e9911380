"""Rule: an answer is read as UnionPay's own client reads it, a notification as a form; neither has two meanings."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.unionpay.form import MAX_BYTES, encode_form, parse_answer, parse_notification


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a=&b=", {"a": "", "b": ""}),
        ("sig=ab+/c==&b=2", {"sig": "ab+/c==", "b": "2"}),
        ("url=https://x.test/?q=1&b=2", {"url": "https://x.test/?q=1", "b": "2"}),
        ("a=1%2B1+1&b=2", {"a": "1%2B1+1", "b": "2"}),
        ("pem=--A--\r\nMII+/=\r\n--B--\r\n&b=2", {"pem": "--A--\r\nMII+/=\r\n--B--\r\n", "b": "2"}),
        ("msg=成功[0000000]&b=2", {"msg": "成功[0000000]", "b": "2"}),
        ("r={x=1&y=2}&b=2", {"r": "{x=1&y=2}", "b": "2"}),
        ("r=[x=1&y=2]&b=2", {"r": "[x=1&y=2]", "b": "2"}),
        ("r=pre{x=1&y=2}post&b=2", {"r": "pre{x=1&y=2}post", "b": "2"}),
        ("r={x=[1&2]&y}&b=2", {"r": "{x=[1&2]&y}", "b": "2"}),
        ("r={a]&b}&c=3", {"r": "{a]&b}", "c": "3"}),
        ("r=a}&b=2", {"r": "a}", "b": "2"}),
        ("r={}{x&y}&b=2", {"r": "{}{x&y}", "b": "2"}),
        ("r={open&b=2", {"r": "{open&b=2"}),
    ],
)  # fmt: skip
def test_an_answer_is_not_url_encoded(body: str, fields: dict[str, str]) -> None:
    assert parse_answer(body.encode()) == fields


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a",
        "=1",
        "a=1&",
        "&a=1",
        "a=1&&b=2",
        "a=1&b",
        "a=1&a=1",
        "a=1&a=2",
        "a b=1",
        "a{=1&b=2",
        "<html><body>502 Bad Gateway</body></html>",
        '<html lang="zh"><p class="x">维护中</p></html>',
        '{"respCode":"00"}',
        "名=1",
        "r={x&y}}&=1",
        f"{'n' * 65}=1",
        "&".join(f"f{n}=1" for n in range(129)),
    ],
)
def test_what_has_no_single_meaning_is_not_an_answer(body: str) -> None:
    assert parse_answer(body.encode()) is None


def test_bytes_that_are_not_utf8_are_not_an_answer() -> None:
    assert parse_answer("respMsg=成功".encode("gb18030")) is None


def test_an_oversized_body_is_refused_before_it_is_read() -> None:
    assert parse_answer(b"a=" + b"x" * (MAX_BYTES - 2)) is not None
    assert parse_answer(b"a=" + b"x" * (MAX_BYTES - 1)) is None
    assert parse_notification(b"a=" + b"x" * (MAX_BYTES - 1)) is None
    assert parse_answer(b"a=" + b"x" * MAX_BYTES, max_bytes=2 * MAX_BYTES) is not None


NAMES = st.from_regex(r"[A-Za-z0-9_.]{1,20}", fullmatch=True)


@given(st.dictionaries(NAMES, st.text(max_size=40), min_size=1, max_size=20))
def test_a_form_comes_back_as_it_was_for_us_and_for_an_outside_reader(fields: dict[str, str]) -> None:
    body = encode_form(fields)
    assert parse_notification(body) == fields
    assert dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)) == fields


@given(st.dictionaries(NAMES, st.text(alphabet=st.characters(exclude_characters="&{}[]", codec="utf-8"), max_size=40),
                       min_size=1, max_size=20))  # fmt: skip
def test_an_unencoded_body_comes_back_as_it_was(fields: dict[str, str]) -> None:
    assert parse_answer("&".join(f"{name}={value}" for name, value in fields.items()).encode()) == fields


@given(st.binary(max_size=300))
def test_hostile_bytes_never_raise(body: bytes) -> None:
    parse_answer(body)
    parse_notification(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"a", b"a=1&a=2", b"a=%", b"a=%2", b"a=%zz", b"a=%u4e2d", b"a=%E4%B8", b"a=%D6%D0", "a=中".encode(), b"=1",
     b"a=1&&b=2", b"a%5Bb=1", b"&".join(b"f%d=1" % n for n in range(129)), b"a=1&" * 30_000],
)  # fmt: skip
def test_what_is_not_exactly_a_form_is_refused(body: bytes) -> None:
    assert parse_notification(body) is None
