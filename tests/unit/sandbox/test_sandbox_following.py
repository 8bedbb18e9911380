"""A customer without a screen on a shop's page: sign-in, press, the wallet's script, and what can go wrong."""

import asyncio
import json
from typing import Any

import pytest

from sandbox.following import Followed, NotFollowed, follow
from sandbox.line import LineAnswer
from sandbox.wallet import Scanned, ScanResult
from tests.unit.sandbox.phone_fakes import OAUTH, SHOP, FakeLine, FakeWallet, answer, browser_over

QR = f"{SHOP}/q/token"
PAID = Scanned(result=ScanResult.PAID, out_trade_no="B1")


def page(state: str = "open", amount_fen: int | None = 1250, press: str | None = "token/press") -> LineAnswer:
    facts = json.dumps({"press": press, "amount_fen": amount_fen, "state": state})
    return answer(200, f'<script type="application/json" id="guitai-page">{facts}</script>', content_type="text/html")


def pressed(result: str, **more: Any) -> LineAnswer:
    values = {"bridge": None, "redirect": None, "status": "token/status", "retry_after_ms": 0}
    return answer(200, json.dumps({"result": result, **values, **more}))


def followed(line: FakeLine, wallet: FakeWallet, amount_fen: int | None = None) -> Followed:
    return asyncio.run(follow(browser_over(line, wallet), QR, amount_fen=amount_fen))


def shop(*answers: LineAnswer | None, shown: LineAnswer | None = None) -> FakeLine:
    return FakeLine({f"GET {QR}": [shown or page()], f"POST {SHOP}/q/token/press": list(answers)})


def test_the_page_is_opened_signed_in_pressed_and_its_bridge_values_reach_the_wallet() -> None:
    """As the wallet's own browser: its User-Agent, the cookies of the sign-in, the shop's own origin."""
    line = FakeLine(
        {
            f"GET {QR}": [
                answer(302, location=f"{OAUTH}?redirect_uri={SHOP}/q/token/back"),
                page(),
            ],
            f"GET {SHOP}/q/token/back?code=for-ann": [answer(303, location="/q/token", set_cookie="payer=p1; Path=/q")],
            f"POST {SHOP}/q/token/press": [pressed("open", bridge={"token": "t"})],
        }
    )
    wallet = FakeWallet()
    assert followed(line, wallet) == PAID
    assert (wallet.authorized, wallet.handed) == (["ann"], [{"token": "t"}])
    press = line.asked[-1]
    assert (press.method, press.body) == ("POST", b"{}")
    assert press.headers["cookie"] == "payer=p1"
    assert press.headers["origin"] == SHOP
    assert {request.headers["user-agent"] for request in line.asked} == {"FakeWallet/1.0"}


def test_a_page_that_leads_into_the_wallet_is_paid_there() -> None:
    wallet = FakeWallet()
    line = shop(pressed("open", redirect="own:qr-1"))
    assert followed(line, wallet) == Scanned(result=ScanResult.PAID, out_trade_no="S1")
    assert wallet.scanned == ["own:qr-1"]


def test_a_page_without_an_amount_takes_the_customers() -> None:
    shown = page(amount_fen=None)
    assert followed(shop(pressed("open"), shown=shown), FakeWallet()) is NotFollowed.AMOUNT_NEEDED
    line = shop(pressed("open", bridge={"token": "t"}), shown=shown)
    assert followed(line, FakeWallet(), amount_fen=321) == PAID
    assert json.loads(line.asked[-1].body) == {"amount_fen": 321}


def test_while_the_shop_still_asks_the_wallet_the_customer_presses_again() -> None:
    line = shop(pressed("open"), pressed("wait"), pressed("again", bridge={"token": "t"}))
    assert followed(line, FakeWallet()) == PAID
    assert len(line.asked) == 4


def test_a_shop_that_knows_the_customer_no_more_is_opened_again_and_pressed_again() -> None:
    wallet = FakeWallet()
    line = FakeLine(
        {
            f"GET {QR}": [page(), answer(302, location=f"{OAUTH}?redirect_uri={SHOP}/q/token/back")],
            f"GET {SHOP}/q/token/back?code=for-ann": [page(press="pay")],
            f"POST {SHOP}/q/token/press": [pressed("wait", redirect=QR)],
            f"POST {SHOP}/q/token/pay": [pressed("open", bridge={"token": "t"})],
        }
    )
    assert followed(line, wallet) == PAID
    assert wallet.authorized == ["ann"]


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        (shop(pressed("wait", retry_after_ms=60_000)), NotFollowed.BUSY),
        (shop(pressed("open", retry_after_ms=60_000)), NotFollowed.BUSY),
        (shop(pressed("wait", redirect=QR)), NotFollowed.BUSY),
        (shop(pressed("paid")), Scanned(result=ScanResult.ALREADY_PAID, out_trade_no=None)),
        (shop(pressed("over")), Scanned(result=ScanResult.ORDER_CLOSED, out_trade_no=None)),
        (shop(pressed("open", redirect="https://elsewhere.example/")), NotFollowed.PRESS_REFUSED),
        (shop(answer(403, "no")), NotFollowed.PRESS_REFUSED),
        (shop(None), NotFollowed.UNREACHABLE),
        (shop(shown=page("paid")), Scanned(result=ScanResult.ALREADY_PAID, out_trade_no=None)),
        (shop(shown=page("over")), Scanned(result=ScanResult.QR_EXPIRED, out_trade_no=None)),
        (shop(shown=page("choose_app")), NotFollowed.OTHER_APP),
        (shop(shown=page(press=None)), NotFollowed.NOT_A_PAGE),
        (shop(shown=page(press="https://elsewhere.example/press")), NotFollowed.UNREACHABLE),
        (shop(shown=answer(200, "<html>menu</html>")), NotFollowed.NOT_A_PAGE),
        (shop(shown=answer(302, location=QR)), NotFollowed.UNREACHABLE),
        (shop(shown=answer(302, location="http://elsewhere.example/")), NotFollowed.UNREACHABLE),
        (FakeLine({f"GET {QR}": [None]}), NotFollowed.UNREACHABLE),
    ],
)
def test_every_other_end_is_told_and_hands_the_wallet_nothing(line: FakeLine, ends: Followed) -> None:
    wallet = FakeWallet()
    assert followed(line, wallet) == ends
    assert (wallet.handed, wallet.scanned) == ([], [])


def test_a_redirect_into_the_wallet_itself_is_paid_without_a_page() -> None:
    wallet = FakeWallet()
    assert followed(shop(shown=answer(302, location="own:qr-2")), wallet) == Scanned(
        result=ScanResult.PAID, out_trade_no="S1"
    )
