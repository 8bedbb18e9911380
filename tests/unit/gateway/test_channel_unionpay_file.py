"""Rule: a settlement file is believed whole and signed only; who pays is told by a signed exchange of our own only."""

from __future__ import annotations

import base64
import io
import zipfile
import zlib

import pytest

from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillOf,
    BillReady,
    ChannelReason,
    ChannelResponse,
    NoBill,
    PayerKnown,
    PayerUnknown,
    Unknown,
)
from gateway.channels.unionpay.times import day_end_ms
from protocol.secret import Secret
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import (
    NOW_MS,
    PAGES,
)

CHANNEL = wallet.channel()


# --- who pays


def exchange(**fields: str) -> object:
    channel = wallet.channel(**PAGES)
    call = channel.payer({"userAuthCode": "abc+="}, user_agent="UnionPay/1.0 CloudPay", now_ms=NOW_MS)
    assert call is not None
    return call.read(wallet.answer(wallet.sealed({"merId": wallet.MER_ID, **fields})))


def test_the_exchange_tells_who_pays() -> None:
    assert exchange(respCode="00", userId="canary-user") == PayerKnown(payer=Secret("canary-user"))
    assert exchange(respCode="00", userId="canary-user", userAuthCode="abc+=") == PayerKnown(
        payer=Secret("canary-user")
    )
    assert "canary-user" not in repr(exchange(respCode="00", userId="canary-user"))
    assert exchange(respCode="34") == PayerUnknown(code="34")


@pytest.mark.parametrize(
    "fields",
    [
        {"respCode": "00"},
        {"respCode": "00", "userId": "a b"},
        {"respCode": "00", "userId": "u", "merId": "777290058110049"},
        {"respCode": "00", "userId": "u", "userAuthCode": "other"},
        {"respCode": "04"},
        {"respCode": "ZZ"},
        {},
    ],
)
def test_an_exchange_that_is_not_ours_or_not_clear_tells_nothing(fields: dict[str, str]) -> None:
    assert isinstance(exchange(**fields), Unknown)


# --- the settlement file

FILE = BillOf(day="2026-11-22", kind=BillKind.TRADE)
END_MS = day_end_ms("2026-11-22")
HOUR_MS = 3_600_000


def made_zip() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("INN26112288ZM_777290058110048", "行" * 1_000)
    return made.getvalue()


def file_answer(*, at_ms: int = END_MS + 10 * HOUR_MS, **fields: str) -> object:
    about = {"merId": wallet.MER_ID, "settleDate": "1122", "txnType": "76", "txnSubType": "01"}
    read = CHANNEL.bill(FILE, now_ms=at_ms).read
    signed = wallet.sealed({**about, **fields}, certificate_pem=wallet.pem(wallet.leaf()))
    return read(wallet.answer(signed))


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


def test_the_file_is_the_zip_that_unionpay_made() -> None:
    content = made_zip()
    assert file_answer(respCode="00", fileName="a.zip", fileContent=packed(content)) == BillReady(content=content)


@pytest.mark.parametrize(
    "file_content",
    [
        "",
        "!!!!",
        base64.b64encode(b"not deflate").decode(),
        packed(b"not a zip"),
        packed(made_zip())[:-8],
        base64.b64encode(zlib.compress(made_zip()) + b"more").decode(),
        packed(b"PK" + b"\0" * (64 * 1_048_576)),
    ],
    ids=["empty", "not base64", "not deflate", "not a zip", "cut", "something behind it", "a bomb"],
)
def test_what_is_not_one_whole_file_is_no_file(file_content: str) -> None:
    verdict = file_answer(respCode="00", fileName="a.zip", fileContent=file_content)
    assert verdict == Unknown(reason=ChannelReason.UNREADABLE, code="file")


def test_a_missing_file_is_not_ready_until_it_can_no_longer_come() -> None:
    assert file_answer(respCode="98") == BillNotReady(code="98")
    assert file_answer(at_ms=END_MS + 36 * HOUR_MS - 1, respCode="98") == BillNotReady(code="98")
    assert file_answer(at_ms=END_MS + 36 * HOUR_MS, respCode="98") == NoBill(code="98")


def test_another_code_another_day_or_another_merchant_is_no_file() -> None:
    content = packed(made_zip())
    assert file_answer(respCode="99", fileContent=content) == Unknown(reason=ChannelReason.CHANNEL_ERROR, code="99")
    for about in ({"settleDate": "1121"}, {"merId": "777290058110049"}):
        signed = wallet.sealed({"merId": wallet.MER_ID, "settleDate": "1122", "respCode": "00", **about})
        verdict = CHANNEL.bill(FILE, now_ms=NOW_MS).read(wallet.answer({**signed, "fileContent": content}))
        assert isinstance(verdict, Unknown)
        whole = wallet.sealed({**signed, "fileContent": content, "signature": ""})
        assert CHANNEL.bill(FILE, now_ms=NOW_MS).read(wallet.answer(whole)) == Unknown(
            reason=ChannelReason.UNREADABLE, code="another file"
        )


def test_there_is_no_separate_file_of_fund_flows() -> None:
    read = CHANNEL.bill(BillOf(day="2026-11-22", kind=BillKind.FUND_FLOW), now_ms=NOW_MS).read
    assert read(wallet.said(respCode="00")) == NoBill(code="fund_flow")


@pytest.mark.parametrize("body", [b"", b"<html>404</html>", b"respCode=98", b"a" * 70_000])
def test_a_body_that_is_no_answer_is_no_statement_about_a_file(body: bytes) -> None:
    read = CHANNEL.bill(FILE, now_ms=NOW_MS).read
    assert isinstance(read(ChannelResponse(status=200, headers={}, body=body)), Unknown)
