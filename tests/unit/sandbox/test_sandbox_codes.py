"""Payment codes on the simulated phone: their form, their one use, their 60 seconds."""

import random
import re

import pytest

from sandbox.codes import CODE_LIFE_MS, CodeBook, CodeRefused, Presented
from tests.unit.sandbox.alipay_bench import Bench, pay_biz, script


def test_codes_have_the_wallets_form_and_are_all_different() -> None:
    codes = CodeBook(random.Random(1).randbytes)
    shown = [codes.issue_alipay(script("pay"), 0) for _ in range(500)]
    assert all(re.fullmatch(r"(2[5-9]|30)[0-9]{16,22}", code) for code in shown)
    assert {code[:2] for code in shown} == {"25", "26", "27", "28", "29", "30"}
    assert {len(code) for code in shown} == {18, 19, 20, 21, 22, 23, 24}
    assert len(set(shown)) == 500


@pytest.mark.parametrize(("age_ms", "usable"), [(0, True), (CODE_LIFE_MS - 1, True), (CODE_LIFE_MS, False)])
def test_a_code_is_good_for_sixty_seconds(age_ms: int, usable: bool) -> None:
    codes = CodeBook(random.Random(1).randbytes)
    code = codes.issue_alipay(script("pay"), 1000)
    seen = codes.present(code, 1000 + age_ms)
    assert isinstance(seen, Presented) if usable else seen is CodeRefused.TOO_OLD


@pytest.mark.parametrize("text", ["pay", "balance_low", "expired", "never"])
def test_a_code_is_dead_after_any_attempt_that_reached_the_wallet(text: str) -> None:
    bench = Bench()
    code = bench.code(text)
    bench.pay("A1", code)
    assert bench.pay("A2", code)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert bench.status("A2") == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize("code", ["280000000000000000", "130000000000000000", "abc"])
def test_a_code_that_no_phone_showed_is_refused(code: str) -> None:
    assert Bench().pay("A1", code)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"


def test_an_old_code_is_refused_by_the_wallet() -> None:
    bench = Bench()
    code = bench.code()
    bench.wait_s(60)
    assert bench.pay("A1", code)["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"


def test_the_same_seed_gives_the_same_codes() -> None:
    first, second = (CodeBook(random.Random(5).randbytes) for _ in range(2))
    assert [first.issue_alipay(script("pay"), 0) for _ in range(5)] == [
        second.issue_alipay(script("pay"), 9) for _ in range(5)
    ]


def test_a_request_lost_before_the_wallet_leaves_the_code_fresh() -> None:
    bench = Bench()
    code = bench.code("drop_before_charge")
    for number in ("A1", "A2"):
        assert not bench.cut("alipay.trade.pay", **pay_biz(number, code)).after_effect
