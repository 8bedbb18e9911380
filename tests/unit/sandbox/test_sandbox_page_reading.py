"""What a phone without a screen understands of a shop's page, its answers, its cookies and its addresses."""

import pytest

from sandbox.cookies import Jar
from sandbox.line import may_call
from sandbox.served_page import Frame, served_headers, with_bridge
from sandbox.shop_page import PageFacts, PageState, PressAnswer, PressResult, read_page, read_press

FRAME = Frame(root="/phone/browser/t1", bridge="/phone/bridge/t1", wallet="wechat", shop="http://127.0.0.1:8700")


def page(facts: str) -> bytes:
    return f'<html><script type="application/json" id="guitai-page">{facts}</script></html>'.encode()


@pytest.mark.parametrize(
    ("html", "facts"),
    [
        (
            page('{"press": "press", "amount_fen": 1250, "state": "open"}'),
            PageFacts(state=PageState.OPEN, press="press", amount_fen=1250),
        ),
        (
            b"""<script id=guitai-page type=json>{"press": "/p/pay", "amount_fen": null, "state": "wait"}</script>""",
            PageFacts(state=PageState.WAIT, press="/p/pay", amount_fen=None),
        ),
        (
            page('{"press": null, "amount_fen": true, "state": "over"}'),
            PageFacts(state=PageState.OVER, press=None, amount_fen=None),
        ),
        (page('{"state": "dancing"}'), None),
        (page('["open"]'), None),
        (page("{"), None),
        (b'<script type="application/json" id="other">{"state": "open"}</script>', None),
        (b"", None),
    ],
)
def test_a_page_says_its_state_its_press_and_its_amount_or_is_no_cashier_page(
    html: bytes, facts: PageFacts | None
) -> None:
    assert read_page(html) == facts


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (
            b'{"result": "open", "bridge": {"tradeNO": 20}, "redirect": null, "status": "s", "retry_after_ms": 0}',
            PressAnswer(result=PressResult.OPEN, bridge={"tradeNO": "20"}, redirect=None, retry_after_ms=0),
        ),
        (
            b'{"result": "again", "bridge": null, "redirect": "https://qr.95516.com/1"}',
            PressAnswer(result=PressResult.AGAIN, bridge=None, redirect="https://qr.95516.com/1", retry_after_ms=1_000),
        ),
        (
            b'{"result": "paid", "retry_after_ms": 99999999}',
            PressAnswer(result=PressResult.PAID, bridge=None, redirect=None, retry_after_ms=60_000),
        ),
        (b'{"reason": "not_found"}', None),
        (b"<html>", None),
        (b"\xff", None),
    ],
)
def test_a_press_is_answered_in_one_shape_or_not_understood(body: bytes, answer: PressAnswer | None) -> None:
    assert read_press(body) == answer


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("http://127.0.0.1:8700/q/x", True),
        ("http://[::1]:8700/q/x", True),
        ("http://localhost/q", True),
        ("https://pay.example.com/q/x", True),
        ("http://pay.example.com/q/x", False),
        ("http://127.0.0.1.example.com/", False),
        ("https://user@pay.example.com/", False),
        ("file:///etc/passwd", False),
        ("weixin://wxpay/bizpayurl?pr=1", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_plain_http_reaches_this_computer_only(url: str, may: bool) -> None:
    assert may_call(url) is may


def test_a_cookie_goes_back_to_its_origin_and_path_only_and_ends_when_it_is_cleared() -> None:
    jar = Jar()
    shop = "http://127.0.0.1:8700"
    jar.take(f"{shop}/q/a/back", ("payer=p1; Path=/q/a; HttpOnly; SameSite=Lax", "seen=1; Path=/"))
    assert jar.header(f"{shop}/q/a") == "payer=p1; seen=1"
    assert jar.header(f"{shop}/q/a/press") == "payer=p1; seen=1"
    assert jar.header(f"{shop}/q/ab") == "seen=1"
    assert jar.header("http://127.0.0.1:8701/q/a") == ""
    jar.take(f"{shop}/q/a", ("payer=; Path=/q/a; Max-Age=0", "seen=x; Path=/; Max-Age=0"))
    assert jar.header(f"{shop}/q/a") == ""


def test_a_cookie_without_a_path_belongs_to_the_folder_of_its_page() -> None:
    jar = Jar()
    jar.take("http://127.0.0.1/q/a", ("c=1",))
    assert jar.header("http://127.0.0.1/q/b") == "c=1"
    assert jar.header("http://127.0.0.1/other") == ""


def test_a_served_page_gets_the_wallets_script_first_and_its_absolute_addresses_below_the_root() -> None:
    html = b"""<html><head><title>x</title></head><a href="/help">?</a><img src="//cdn/x.png"><a href="near">.</a>"""
    served, _ = with_bridge(html, {}, FRAME)
    assert served.startswith(b'<html><head><script src="/phone/bridge/t1/bridge.js" data-root="/phone/browser/t1"')
    assert b'href="/phone/browser/t1/help"' in served
    assert b'src="//cdn/x.png"' in served
    assert b'href="near"' in served


@pytest.mark.parametrize(
    ("policy", "script", "nonce"),
    [
        ("default-src 'none'; script-src 'sha256-abc='", "script-src 'sha256-abc=' 'self'", b""),
        ("script-src 'nonce-r4nd0m'", "script-src 'nonce-r4nd0m' 'self'", b' nonce="r4nd0m"'),
        ("default-src 'none'", "script-src 'self'", b""),
    ],
)
def test_the_pages_own_policy_stays_in_force_with_the_wallets_script_let_in(
    policy: str, script: str, nonce: bytes
) -> None:
    served, headers = with_bridge(b"<head></head>", {"content-security-policy": policy}, FRAME)
    rules = headers["content-security-policy"].split("; ")
    assert script in rules
    assert not any("unsafe" in rule for rule in rules)
    assert nonce in served


def test_cookies_and_other_headers_of_the_shop_stay_in_the_wallets_browser() -> None:
    headers = served_headers((("content-type", "text/html"), ("set-cookie", "payer=p1"), ("x-frame-options", "DENY")))
    assert headers == {"content-type": "text/html", "referrer-policy": "same-origin", "cache-control": "no-store"}
