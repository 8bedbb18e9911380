"""The customer's phone in a real browser: it draws a code, holds it under the gun, pays a QR, tells what happened."""

import re
from collections.abc import Generator

import cv2
import numpy as np
import pytest
import serial
import zxingcpp
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

from tests.contract.sandbox.alipay_sdk import AlipaySdk
from tests.contract.sandbox.running_sandbox import RunningSandbox
from tests.contract.sandbox.wechat_sdk import WechatSdk

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def page() -> Generator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2, locale="zh-CN")
        yield context.new_page()
        browser.close()


def is_complaint(message: ConsoleMessage) -> bool:
    """Chromium notes every answer of 400 and above; problems are answers like others here."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture
def phone(page: Page, sandbox: RunningSandbox) -> Generator[Page]:
    """The page with a code on it; whatever the browser complains about fails the test."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    page.goto(f"{sandbox.url}/?lang=zh-CN")
    expect(page.locator("#symbols svg.qr")).to_be_visible()
    yield page
    page.goto("about:blank")
    assert complaints == []


def test_the_button_puts_the_shown_code_under_the_gun(phone: Page, sandbox: RunningSandbox) -> None:
    assert sandbox.gun is not None
    shown = phone.locator("#digits").inner_text().replace(" ", "")
    with serial.Serial(sandbox.gun.removeprefix("serial:"), 9600, timeout=5) as port:
        phone.get_by_role("button", name="把付款码放到扫码枪下").click()
        assert port.read_until(b"\r").decode() == shown + "\r"
    expect(phone.locator("#said")).to_have_text("已放到扫码枪下")
    expect(phone.locator("#digits")).not_to_have_text(shown)


def test_a_camera_reads_the_shown_code_off_the_screen(phone: Page) -> None:
    png = np.frombuffer(phone.locator("section.code").screenshot(), dtype=np.uint8)
    picture = cv2.imdecode(png, cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    shown = phone.locator("#digits").inner_text().replace(" ", "")
    assert {found.text for found in zxingcpp.read_barcodes(picture)} == {shown}


def test_a_shown_qr_appears_by_itself_and_one_press_pays_it(
    phone: Page, sandbox: RunningSandbox, sdk: AlipaySdk
) -> None:
    sdk.precreate("PAGEQR1", "66.00")
    row = phone.locator("#qrs .row", has_text="¥66.00")
    row.get_by_role("button").click()
    expect(phone.locator("#scanned")).to_have_text("付款成功")
    expect(phone.locator("#money .row", has_text="PAGEQR1"[-6:])).to_contain_text("已付款")
    assert sandbox.money("PAGEQR1")["captured_fen"] == 6600


def test_a_pasted_text_that_is_no_qr_of_ours_is_refused_in_words(phone: Page) -> None:
    phone.locator("#qr").fill("weixin://wxpay/bizpayurl?pr=menu")
    with phone.expect_response("**/phone/scan") as answer:
        phone.locator("#scan").click()
    assert answer.value.status == 404
    expect(phone.locator("#scanned")).to_have_text("这不是此沙箱里这个钱包的二维码")


@pytest.mark.parametrize(("language", "title"), [("zh-TW", "顧客的手機"), ("en", "The customer's phone")])
def test_the_page_speaks_the_other_languages_and_fits_the_phone(phone: Page, language: str, title: str) -> None:
    phone.locator(f"nav a[lang={language}]").click()
    expect(phone).to_have_title(title)
    phone.locator("#script").select_option("ask_password")
    expect(phone.locator("#argument")).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(("name", "wallet", "first"), [("微信支付", "wechat", "1"), ("云闪付", "unionpay", "62")])
def test_the_phone_can_be_any_wallet_and_shows_its_codes(phone: Page, name: str, wallet: str, first: str) -> None:
    phone.get_by_role("button", name=name).click()
    expect(phone.locator("html")).to_have_attribute("data-wallet", wallet)
    expect(phone.locator("#digits")).to_have_text(re.compile(f"^{first}[0-9 ]+$"))


def test_another_wallet_has_its_own_qrs_and_the_money_of_all_is_listed(
    phone: Page, sandbox: RunningSandbox, sdk: AlipaySdk
) -> None:
    wechat = WechatSdk(sandbox, "http://127.0.0.1:9/notify")
    wechat.native("PAGEQR2W", 7700)
    sdk.precreate("PAGEQR2A", "55.00")
    expect(phone.locator("#qrs .row", has_text="¥55.00")).to_be_visible()
    expect(phone.locator("#qrs .row", has_text="¥77.00")).to_have_count(0)
    phone.get_by_role("button", name="微信支付").click()
    phone.locator("#qrs .row", has_text="¥77.00").get_by_role("button").click()
    expect(phone.locator("#scanned")).to_have_text("付款成功")
    expect(phone.locator("#money .row", has_text="QR2W")).to_contain_text("微信支付")


def test_a_refund_shows_what_came_back(phone: Page, sandbox: RunningSandbox, sdk: AlipaySdk) -> None:
    sandbox.scan(sdk.precreate("PAGEQR3", "9.00")["qr_code"])
    asked = {"out_trade_no": "PAGEQR3", "refund_amount": "2.50", "out_request_no": "PAGEQR3-1"}
    form = {"content-type": "application/x-www-form-urlencoded"}
    sandbox.http.post("/alipay/gateway.do", content=sdk.signed("alipay.trade.refund", asked), headers=form)
    row = phone.locator("#money .row", has_text="GEQR3")
    expect(row).to_contain_text("已退款")
    expect(row).to_contain_text("已退 ¥2.50")


def test_a_script_with_a_number_asks_for_it_in_its_own_unit(phone: Page) -> None:
    phone.locator("#script").select_option("reverse_recall")
    expect(phone.locator("#unit")).to_have_text("次")
    with phone.expect_request("**/phone/card") as asked:
        phone.locator("#argument").fill("3")
        phone.locator("#argument").blur()
    assert asked.value.post_data_json == {"wallet": "alipay", "script": "reverse_recall:3"}
    phone.locator("#script").select_option("pay")
    expect(phone.locator("#unit")).to_be_hidden()
