"""A shop's page on the phone: followed without a screen, and walked through in Chromium with the wallet's script."""

from collections.abc import Generator, Iterator
from urllib.parse import urlencode
from zlib import crc32

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.contract.sandbox.running_sandbox import RunningSandbox
from tests.contract.sandbox.stub_shop import Shop, stub_shop
from tests.contract.sandbox.wechat_sdk import WechatSdk


@pytest.fixture
def shop(sandbox: RunningSandbox, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Its page makes one order, named after the test, and again gives that one."""
    with stub_shop() as running:
        wechat = WechatSdk(sandbox, f"{running.url}/notify/wechat/a")
        number = f"PAGE{crc32(request.node.name.encode())}"
        running.about = wechat.about
        running.bridge = lambda openid: wechat.jsapi(number, 1250, openid)
        yield running


def scan(sandbox: RunningSandbox, shop: Shop, **more: object) -> tuple[int, dict[str, object]]:
    answer = sandbox.post("/phone/scan", **{"wallet": "wechat", "script": "pay", "qr": shop.qr, **more})
    return answer.status_code, dict(answer.json())


def test_a_page_is_followed_from_its_qr_to_the_payment(sandbox: RunningSandbox, shop: Shop) -> None:
    """Sign-in, cookie, press, the shop's own signature over the script's values: a real order is paid."""
    status, said = scan(sandbox, shop)
    assert (status, said["result"], said["state"]) == (200, "paid", "paid")
    (press,) = shop.pressed
    assert "MicroMessenger" in press.headers["user-agent"]
    assert press.headers["origin"] == shop.url
    assert shop.notified.get(timeout=5).path == "/notify/wechat/a"


def test_one_customer_has_one_openid_and_another_has_another(sandbox: RunningSandbox, shop: Shop) -> None:
    for customer in ("ann", "bob", "ann"):
        scan(sandbox, shop, customer=customer, script="never")
    payers = [press.headers["cookie"] for press in shop.pressed]
    assert payers[0] == payers[2] != payers[1]


def test_values_that_the_shop_did_not_sign_are_not_paid(sandbox: RunningSandbox, shop: Shop) -> None:
    make = shop.bridge
    assert make is not None
    shop.bridge = lambda openid: {**make(openid), "nonceStr": "another"}
    status, said = scan(sandbox, shop)
    assert (status, said["reason"]) == (404, "unknown_qr")


def test_a_page_of_another_computer_by_plain_http_is_not_opened(sandbox: RunningSandbox, shop: Shop) -> None:
    status, said = scan(sandbox, shop, qr="http://192.0.2.1/q/t1")
    assert (status, said["reason"]) == (502, "page_unreachable")


def test_a_page_that_is_no_cashier_page_is_told(sandbox: RunningSandbox, shop: Shop) -> None:
    status, said = scan(sandbox, shop, qr=sandbox.url)
    assert (status, said["reason"]) == (422, "not_a_cashier_page")


def test_a_page_that_goes_to_an_absolute_address_by_itself_is_led_back(sandbox: RunningSandbox, shop: Shop) -> None:
    entered = sandbox.http.get("/phone/browser", params={"wallet": "wechat", "url": shop.qr})
    root = entered.headers["location"].removesuffix("/q/t1")
    strayed = sandbox.http.get("/menu?table=4", headers={"referer": f"{sandbox.url}{root}/q/t1"})
    assert (strayed.status_code, strayed.headers["location"]) == (307, f"{root}/menu?table=4")
    assert sandbox.http.get("/menu?table=4").status_code == 404


def test_a_tab_that_nobody_opened_is_closed(sandbox: RunningSandbox) -> None:
    for path in ("/phone/browser/none/q/t1", "/phone/bridge/none/window", "/phone/bridge/none/order/A1"):
        answer = sandbox.http.get(path)
        assert (answer.status_code, answer.json()["reason"]) == (404, "no_such_tab")


@pytest.fixture(scope="module")
def page() -> Generator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
        yield context.new_page()
        browser.close()


@pytest.fixture
def window(page: Page) -> Generator[Page]:
    """A page of the phone; whatever a script on it throws fails the test."""
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    page.goto("about:blank")
    assert thrown == []


def opened(window: Page, sandbox: RunningSandbox, url: str, **more: str) -> None:
    window.goto(f"{sandbox.url}/phone/browser?{urlencode({'wallet': 'wechat', 'url': url, **more})}")


@pytest.mark.chromium
@pytest.mark.parametrize(
    ("script", "word"),
    [("pay", "ok"), ("ask_password:1", "ok"), ("balance_low", "cancel"), ("expired", "fail")],
)
def test_chromium_pays_on_the_page_through_the_wallets_script(
    window: Page, sandbox: RunningSandbox, shop: Shop, script: str, word: str
) -> None:
    """Under the page's own policy, with the wallet's User-Agent, signed in by the wallet's OAuth."""
    opened(window, sandbox, shop.qr, script=script)
    expect(window.locator("#agent")).to_contain_text("MicroMessenger")
    window.locator("#pay").click()
    expect(window.locator("#state")).to_have_text(f"get_brand_wcpay_request:{word}")
    assert shop.pressed[0].headers["origin"] == shop.url


@pytest.mark.chromium
def test_chromium_is_sent_into_the_wallet_and_pays_there(window: Page, sandbox: RunningSandbox, shop: Shop) -> None:
    """As with UnionPay: the press answers an address of the wallet."""
    wechat = WechatSdk(sandbox, f"{shop.url}/notify/wechat/a")
    shop.redirect = wechat.native("INTOWALLET1", 700)
    opened(window, sandbox, shop.qr)
    window.locator("#pay").click()
    expect(window.locator("#said")).to_have_text("付款成功")
    assert sandbox.money("INTOWALLET1")["captured_fen"] == 700


@pytest.mark.chromium
def test_chromium_is_told_when_there_is_no_page(window: Page, sandbox: RunningSandbox) -> None:
    answer = window.goto(f"{sandbox.url}/phone/browser?wallet=wechat&url=http://192.0.2.1/")
    assert answer is not None
    assert answer.status == 404
