"""A sign-in's state is good once, for its page, browser, account and minutes; a payer leaves the process sealed."""

from __future__ import annotations

import random

import pytest

from gateway.cashier_page.tickets import PAYER_LIFE_MS, STATE_LIFE_MS, Tickets, is_browser
from protocol.secret import Secret

NOW_MS = 1_800_000_000_000
TOKEN = "T" * 26
PAYER = Secret("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")


class Chance:
    def __init__(self, seed: int = 3) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


def tickets(process_key: bytes = b"p" * 32, mark_key: bytes = b"m" * 32, seed: int = 3) -> Tickets:
    return Tickets(process_key=process_key, mark_key=mark_key, entropy=Chance(seed))


def begun(made: Tickets) -> tuple[str, str]:
    browser = made.new_browser()
    return browser, made.new_state(token=TOKEN, browser=browser, account_id="w1", now_ms=NOW_MS)


def used(made: Tickets, state: str, browser: str, *, token: str = TOKEN, now_ms: int = NOW_MS + 5_000) -> str | None:
    return made.use_state(state, token=token, browser=browser, accounts=("a1", "w1"), now_ms=now_ms)


def test_a_state_names_its_account_once() -> None:
    made = tickets()
    browser, state = begun(made)
    assert used(made, state, browser) == "w1"
    assert used(made, state, browser) is None


def test_a_state_is_letters_and_digits_that_every_wallet_keeps() -> None:
    _, state = begun(tickets())
    assert state.isalnum()
    assert state.isascii()
    assert len(state) <= 100


def test_a_state_is_for_its_page_and_its_browser_alone() -> None:
    made = tickets()
    browser, state = begun(made)
    assert used(made, state, browser, token="S" * 26) is None
    assert used(made, state, made.new_browser()) is None
    assert used(made, state, "") is None
    assert used(made, state, browser) == "w1", "what was refused did not use it up"


def test_a_state_is_for_its_account_alone() -> None:
    made = tickets()
    browser, state = begun(made)
    assert made.use_state(state, token=TOKEN, browser=browser, accounts=("w2",), now_ms=NOW_MS) is None


def test_a_state_ends_after_minutes_and_with_its_process() -> None:
    made = tickets()
    browser, state = begun(made)
    assert used(made, state, browser, now_ms=NOW_MS + STATE_LIFE_MS) is None
    assert used(tickets(process_key=b"q" * 32), state, browser) is None


@pytest.mark.parametrize("at", [0, 10, 20, 30, 40, 53])
def test_no_character_of_a_state_can_be_changed(at: int) -> None:
    made = tickets()
    browser, state = begun(made)
    other = "A" if state[at] != "A" else "B"
    assert used(made, state[:at] + other + state[at + 1 :], browser) is None


@pytest.mark.parametrize("state", ["", "x", "0" * 54, "0" * 56, "é" * 55, "U" * 55, "0" * 54 + "1"])
def test_what_is_no_state_is_refused(state: str) -> None:
    made = tickets()
    assert used(made, state, made.new_browser()) is None


def test_states_that_ended_are_forgotten() -> None:
    made = tickets()
    for step in range(50):
        now_ms = NOW_MS + step * STATE_LIFE_MS
        browser = made.new_browser()
        state = made.new_state(token=TOKEN, browser=browser, account_id="w1", now_ms=now_ms)
        assert used(made, state, browser, now_ms=now_ms) == "w1"
    assert len(made._used) <= 2  # pyright: ignore[reportPrivateUsage]


def test_a_payer_comes_back_out_of_his_cookie() -> None:
    made = tickets()
    session = made.session(account_id="w1", channel="wechat", payer=PAYER)
    opened = made.open(made.seal(session, token=TOKEN, now_ms=NOW_MS), token=TOKEN, now_ms=NOW_MS + 1_000)
    assert opened == session


def test_a_cookie_shows_no_payer_and_no_repr_does() -> None:
    made = tickets()
    session = made.session(account_id="w1", channel="wechat", payer=PAYER)
    cookie = made.seal(session, token=TOKEN, now_ms=NOW_MS)
    for text in (cookie, repr(session), session.mark):
        assert PAYER.reveal() not in text
        assert PAYER.reveal()[:8] not in text
    assert made.seal(session, token=TOKEN, now_ms=NOW_MS) != cookie, "no two are alike"


def test_a_cookie_is_for_its_page_its_minutes_and_its_process() -> None:
    made = tickets()
    cookie = made.seal(made.session(account_id="w1", channel="wechat", payer=PAYER), token=TOKEN, now_ms=NOW_MS)
    assert made.open(cookie, token="S" * 26, now_ms=NOW_MS) is None
    assert made.open(cookie, token=TOKEN, now_ms=NOW_MS + PAYER_LIFE_MS) is None
    assert tickets(process_key=b"q" * 32).open(cookie, token=TOKEN, now_ms=NOW_MS) is None


@pytest.mark.parametrize("cookie", ["", "x", "====", "A" * 3_000, "é", "AAAA" * 20])
def test_what_is_no_cookie_opens_nothing(cookie: str) -> None:
    assert tickets().open(cookie, token=TOKEN, now_ms=NOW_MS) is None


def test_a_payer_has_the_same_mark_after_a_restart_and_another_at_another_account() -> None:
    before, after = tickets(), tickets(process_key=b"q" * 32, seed=4)
    mark = before.session(account_id="w1", channel="wechat", payer=PAYER).mark
    assert after.session(account_id="w1", channel="wechat", payer=PAYER).mark == mark
    assert after.session(account_id="w2", channel="wechat", payer=PAYER).mark != mark
    other = Secret("oUpF8uMuAJO_M2pxb1Q9zNjWeS6p")
    assert after.session(account_id="w1", channel="wechat", payer=other).mark != mark


def test_a_browser_is_known_by_its_form() -> None:
    assert is_browser(tickets().new_browser())
    assert not is_browser("")
    assert not is_browser("<script>" + "A" * 18)
