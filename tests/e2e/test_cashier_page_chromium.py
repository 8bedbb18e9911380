"""The cashier page in a real browser on a phone's screen, as each wallet's own: real gateway and sandbox, full payment.

Every page is photographed into the test's folder, fits the screen without sideways scrolling, and complains of nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from protocol.messages import PaymentStatus
from protocol.states import GatewayState
from tests.contract.gateway.gateway_process import Till, new_payment
from tests.e2e.shop import Counter, guitai

pytestmark = pytest.mark.chromium

WALLETS = {"wechat": "用微信付款", "alipay": "用支付宝付款", "unionpay": "用云闪付付款"}
FONTS = Path(__file__).parents[2] / "assets" / "fonts"
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{folder}</dir><cachedir>{cache}</cachedir>
</fontconfig>"""
IPHONE: ViewportSize = {"width": 390, "height": 844}
SMALL: ViewportSize = {"width": 320, "height": 568}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """With the project's own font beside the system's, so that a photograph shows Chinese on any computer."""
    fonts = tmp_path_factory.mktemp("fonts") / "fonts.conf"
    fonts.write_text(_FONTS.format(folder=FONTS, cache=fonts.parent), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox"],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts)},
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def till(counter: Counter) -> Till:
    till = Till(counter.shop.gateway)
    till.activate(counter.shop.activation_code)
    return till


def is_complaint(message: ConsoleMessage) -> bool:
    """Chromium notes every answer of 400 and above; the pages for strangers are answered with 404."""
    return message.type in ("error", "warning") and not message.text.startswith("Failed to load resource")


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport=IPHONE, device_scale_factor=2, locale="zh-CN", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    yield page
    context.close()
    assert complaints == []


def shown(till: Till, amount_fen: int = 1250) -> tuple[str, str]:
    """The number and the link of a payment that a till shows."""
    status = till.pay(new_payment(None, amount_fen))
    assert isinstance(status, PaymentStatus), status
    assert status.qr is not None
    return status.payment_no, status.qr


def in_wallet(counter: Counter, wallet: str, url: str, *, script: str = "pay", customer: str = "customer") -> str:
    """The address at which the sandbox's phone shows a page in that wallet's browser."""
    asked = urlencode({"wallet": wallet, "url": url, "script": script, "customer": customer})
    return f"{counter.shop.sandbox}/phone/browser?{asked}"


def photographed(page: Page, folder: Path, name: str) -> None:
    page.wait_for_timeout(150)
    (folder / f"{name}.png").write_bytes(page.screenshot())
    width = page.viewport_size
    assert width is not None
    assert page.evaluate("document.documentElement.scrollWidth") <= width["width"], name


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_customer_pays_in_each_wallets_browser(
    wallet: str, counter: Counter, till: Till, phone: Page, tmp_path: Path
) -> None:
    payment_no, qr = shown(till)
    phone.goto(in_wallet(counter, wallet, qr))
    expect(phone.locator("#amount")).to_have_text("12.50")
    expect(phone.locator("h1")).to_have_text("示例商户 示例小店")
    button = phone.locator("#press")
    expect(button).to_have_text(WALLETS[wallet])
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 48
    photographed(phone, tmp_path, f"{wallet}-open")
    button.click()
    final = till.final(payment_no, seconds=20)
    assert (final.state, final.channel) == (GatewayState.PAID, wallet)
    if wallet == "unionpay":
        photographed(phone, tmp_path, "unionpay-its-own-window")
        phone.goto(in_wallet(counter, wallet, qr))
    expect(phone.locator("#end-title")).to_have_text("付款成功")
    expect(phone.locator("#end-amount")).to_have_text("¥12.50")
    expect(phone.locator("#press")).to_be_hidden()
    photographed(phone, tmp_path, f"{wallet}-paid")


def test_a_customer_who_gives_up_may_press_again(counter: Counter, till: Till, phone: Page, tmp_path: Path) -> None:
    _, qr = shown(till)
    phone.goto(in_wallet(counter, "wechat", qr, script="balance_low"))
    phone.locator("#press").click()
    expect(phone.locator("#said")).to_have_text("还没有付款。可以再按一次。")
    expect(phone.locator("#press")).to_be_enabled()
    photographed(phone, tmp_path, "gave-up")
    phone.get_by_role("button", name="我不付了，让别人付").click()
    expect(phone.locator("#said")).to_have_text("已让出。请别人扫同一个码付款。")


def test_the_second_customer_waits_and_is_told_when_the_first_has_paid(
    counter: Counter, till: Till, phone: Page, browser: Browser, tmp_path: Path
) -> None:
    payment_no, qr = shown(till)
    first = browser.new_context(viewport=IPHONE, locale="zh-CN").new_page()
    first.goto(in_wallet(counter, "alipay", qr, script="ask_password:6"))
    first.locator("#press").click()
    expect(first.locator("#said")).to_contain_text("正在")
    phone.goto(in_wallet(counter, "wechat", qr))
    phone.locator("#press").click()
    expect(phone.locator("#said")).to_contain_text("另一位顾客正在付款")
    photographed(phone, tmp_path, "wait")
    # Settled, and no page that he could show to the cashier as his own payment.
    expect(phone.locator("#end-title")).to_have_text("这笔已付清", timeout=15_000)
    expect(phone.locator("#end-amount")).to_be_hidden()
    assert till.final(payment_no, seconds=20).channel == "alipay"
    first.context.close()


def test_a_cancel_at_the_till_is_told_on_the_open_page(
    counter: Counter, till: Till, phone: Page, tmp_path: Path
) -> None:
    payment_no, qr = shown(till)
    phone.goto(in_wallet(counter, "unionpay", qr))
    expect(phone.locator("#press")).to_be_visible()
    till.cancel(payment_no, 1250)
    expect(phone.locator("#end-title")).to_have_text("此码不能再付款")
    photographed(phone, tmp_path, "over")


def test_another_browser_is_told_which_app_to_open(till: Till, phone: Page, tmp_path: Path) -> None:
    _, qr = shown(till)
    phone.goto(qr)
    expect(phone.locator(".apps li")).to_have_text(["微信", "支付宝", "云闪付"])
    photographed(phone, tmp_path, "choose-app")
    for language, title in (("en", "Scan this with a payment app"), ("zh-TW", "請用付款應用程式掃碼")):
        phone.locator(f"nav a[lang={language}]").click()
        expect(phone.locator("#end-title")).to_have_text(title)
        photographed(phone, tmp_path, f"choose-app-{language}")


def test_a_stranger_sees_one_neutral_page(counter: Counter, phone: Page, tmp_path: Path) -> None:
    phone.goto(f"{counter.shop.gateway}/q/{'0' * 26}")
    expect(phone.locator("#end-title")).to_have_text("这里没有待付的款")
    photographed(phone, tmp_path, "gone")


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_static_qr_takes_a_typed_amount(
    wallet: str, counter: Counter, till: Till, phone: Page, tmp_path: Path
) -> None:
    made = guitai(
        "gateway", "static-qr", "--store", "demo-store", "--json",
        "--database", str(counter.folder / "gateway" / "gateway.db"),
    )  # fmt: skip
    assert made.status == 0, made.lines
    phone.goto(in_wallet(counter, wallet, str(made.lines[-1]["url"])))
    press, amount = phone.locator("#press"), phone.locator("#amount")
    expect(press).to_be_disabled()
    photographed(phone, tmp_path, f"static-{wallet}-empty")
    for key in ("8", ".", "8", "5", "5", "del", "0"):
        phone.locator(f'[data-key="{key}"]').click()
    expect(amount).to_have_text("8.80")
    photographed(phone, tmp_path, f"static-{wallet}-typed")
    press.click()
    if wallet == "unionpay":
        expect(phone.locator("#said")).to_have_attribute("data-result", "paid")
    else:
        expect(phone.locator("#end-title")).to_have_text("付款成功", timeout=10_000)
        expect(phone.locator("#end-amount")).to_have_text("¥8.80")
        photographed(phone, tmp_path, f"static-{wallet}-paid")


def test_the_keypad_refuses_more_than_the_limit_and_fits_the_smallest_phone(
    counter: Counter, phone: Page, tmp_path: Path
) -> None:
    made = guitai(
        "gateway", "static-qr", "--store", "demo-store", "--json",
        "--database", str(counter.folder / "gateway" / "gateway.db"),
    )  # fmt: skip
    phone.set_viewport_size(SMALL)
    phone.goto(in_wallet(counter, "alipay", str(made.lines[-1]["url"])))
    for key in "499999":
        phone.locator(f'[data-key="{key}"]').click()
    expect(phone.locator("#amount")).to_have_text("4999")
    expect(phone.locator("#said")).to_have_text("最多 ¥5000")
    for key in ".99":
        phone.locator(f'[data-key="{key}"]').click()
    expect(phone.locator("#amount")).to_have_text("4999.99")
    photographed(phone, tmp_path, "static-small")
    box = phone.locator("#press").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= SMALL["height"], "the button is on the screen without scrolling"
