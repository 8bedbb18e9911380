"""The offline order's page in a real browser on a phone's screen, as each wallet's own: real gateway and sandbox, full
payment, and the proof as the till's gun would read it: the photograph is decoded by an independent reader.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page, expect

from protocol.keys import public_text, read_public
from protocol.messages import OfflineKit, OfflineKitRequest, decode, encode
from protocol.numbers import new_number
from protocol.offline.order import ClockQuality, OfflineOrder, OrderType, SignedOrder, sign_order
from protocol.offline.proof import ProofType, read_proof
from protocol.offline.typed_code import frees, read_code
from protocol.states import GatewayState
from tests.contract.gateway.gateway_process import SystemClock, Till, new_payment
from tests.e2e.shop import Counter
from tests.e2e.test_cashier_page_chromium import IPHONE, SMALL, browser, in_wallet, phone, photographed, till

pytestmark = pytest.mark.chromium
__all__ = ["browser", "phone", "till"]

WALLETS = ["wechat", "alipay", "unionpay"]


class Offline:
    """The till's offline side, as real processes see it."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.key = Ed25519PrivateKey.generate()
        request = OfflineKitRequest(first=1, wanted=2, offline_key=public_text(self.key))
        answer = till.call("POST", "/v1/offline/kit", encode(request))
        assert answer.status == 200, answer.body
        self.kit = decode(OfflineKit, answer.body)
        self.oseq = 0

    def order(self, *, type_: OrderType = OrderType.PAY, order_no: str | None = None, release: int = 0) -> SignedOrder:
        self.oseq += 1
        order = OfflineOrder(
            type=type_,
            terminal_id=self.till.keyid,
            epoch=self.kit.epoch,
            order_no=order_no or new_number(os.urandom(15)),
            amount_fen=1250,
            kid=self.kit.proof_keys[0].kid,
            oseq=self.oseq,
            cancelled=0,
            release=release,
            made_at_s=SystemClock().now_ms() // 1000,
            clock=ClockQuality.GATEWAY,
        )
        return sign_order(order, self.key)

    def url(self, signed: SignedOrder) -> str:
        return f"{self.kit.base_url}/o/{signed.text}"

    def reads(self, text: str, signed: SignedOrder) -> ProofType:
        proof = read_proof(text)
        assert proof is not None, text
        public = read_public(next(one for one in self.kit.proof_keys if one.kid == proof.proof.kid).public_key)
        assert public is not None
        assert proof.signed_by(public, order_digest=signed.digest)
        return proof.proof.type


@pytest.fixture(scope="module")
def offline(counter: Counter) -> Offline:
    till = Till(counter.shop.gateway)
    till.activate(counter.shop.activation_code)
    return Offline(till)


def scanned(picture: Path) -> str:
    """What a reader makes of the photographed screen."""
    image = cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    # One QR and no other; in its noise a bar code that nobody drew is seen now and then.
    (found,) = zxingcpp.read_barcodes(image, formats=zxingcpp.barcode_formats_from_str("QRCode"))
    return found.text


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_customer_pays_and_the_gun_reads_the_proof_from_the_screen(
    wallet: str, counter: Counter, offline: Offline, phone: Page, tmp_path: Path
) -> None:
    signed = offline.order(release=1 + WALLETS.index(wallet))
    first = wallet == WALLETS[0]
    url = in_wallet(counter, wallet, offline.url(signed))
    phone.goto(url)
    expect(phone.locator("#amount")).to_have_text("12.50")
    photographed(phone, tmp_path, f"{wallet}-open")
    phone.locator("#press").click()
    final = offline.till.final(f"{signed.order.order_no}-1", seconds=20)
    assert (final.state, final.channel) == (GatewayState.PAID, wallet)
    if wallet == "unionpay":
        phone.goto(url)
    expect(phone.locator("#proof-title")).to_have_text("付款成功", timeout=10_000)
    expect(phone.locator("#proof-amount")).to_have_text("¥12.50")
    expect(phone.locator("#proof-order")).to_have_text(signed.order.order_no[-5:])
    code = read_code(phone.locator("#typed-code").inner_text())
    assert code is not None
    held = offline.kit.codes[0].verifier
    assert frees(code, held, terminal_id=signed.order.terminal_id, epoch=signed.order.epoch, index=1) is first
    box = phone.locator("#proof-qr").bounding_box()
    assert box is not None
    assert box["width"] >= 300
    assert box["y"] + box["height"] <= IPHONE["height"], "the whole QR is on the screen"
    photographed(phone, tmp_path, f"{wallet}-proof")
    assert offline.reads(scanned(tmp_path / f"{wallet}-proof.png"), signed) is ProofType.PAID


def test_the_proof_fits_the_smallest_phone(counter: Counter, offline: Offline, phone: Page, tmp_path: Path) -> None:
    phone.set_viewport_size(SMALL)
    signed = offline.order()
    phone.goto(in_wallet(counter, "alipay", offline.url(signed)))
    phone.locator("#press").click()
    expect(phone.locator("#proof")).to_be_visible(timeout=15_000)
    expect(phone.locator("#typed")).to_be_hidden()
    box = phone.locator("#proof-qr").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= SMALL["height"]
    photographed(phone, tmp_path, "small-proof")
    assert offline.reads(scanned(tmp_path / "small-proof.png"), signed) is ProofType.PAID


def test_a_customer_who_does_not_pay_carries_that_to_the_till(
    counter: Counter, offline: Offline, phone: Page, tmp_path: Path
) -> None:
    signed = offline.order()
    phone.goto(in_wallet(counter, "wechat", offline.url(signed)))
    phone.get_by_role("button", name="不付了").click()
    expect(phone.locator("#proof-title")).to_have_text("这笔没有付款", timeout=10_000)
    photographed(phone, tmp_path, "closed-proof")
    assert offline.reads(scanned(tmp_path / "closed-proof.png"), signed) is ProofType.CLOSED


def test_another_customer_sees_that_it_is_settled_and_no_proof(
    counter: Counter, offline: Offline, phone: Page, tmp_path: Path
) -> None:
    signed = offline.order()
    phone.goto(in_wallet(counter, "wechat", offline.url(signed)))
    phone.locator("#press").click()
    expect(phone.locator("#proof")).to_be_visible(timeout=15_000)
    phone.goto(in_wallet(counter, "wechat", offline.url(signed), customer="another"))
    expect(phone.locator("#end-title")).to_have_text("这笔已付清")
    expect(phone.locator("#proof")).to_have_count(0)
    photographed(phone, tmp_path, "taken")


def test_the_one_neutral_sentence_in_each_language(offline: Offline, phone: Page, tmp_path: Path) -> None:
    url = offline.url(offline.order())[:-4] + "0000"
    for language, title in (("zh-CN", "请勿付款"), ("zh-TW", "請勿付款"), ("en", "Do not pay")):
        phone.goto(f"{url}?lang={language}")
        expect(phone.locator("#end-title")).to_have_text(title)
        photographed(phone, tmp_path, f"refused-{language}")


def test_a_status_carries_the_answer_about_a_payment_that_never_came(
    counter: Counter, offline: Offline, phone: Page, tmp_path: Path
) -> None:
    signed = offline.order(type_=OrderType.STATUS)
    phone.goto(offline.url(signed))
    photographed(phone, tmp_path, "status-unknown")
    phone.get_by_role("button", name="出示未付款凭证").click()
    expect(phone.locator("#proof-title")).to_have_text("这笔没有付款")
    photographed(phone, tmp_path, "status-closed")
    assert offline.reads(scanned(tmp_path / "status-closed.png"), signed) is ProofType.CLOSED


def test_a_status_waits_for_what_is_being_settled_and_then_shows_it(
    counter: Counter, offline: Offline, phone: Page, tmp_path: Path
) -> None:
    request = new_payment(counter.code("ask_password:6"))
    offline.till.pay(request)
    signed = offline.order(type_=OrderType.STATUS, order_no=request.payment_no.partition("-")[0])
    phone.goto(offline.url(signed))
    expect(phone.locator("h2").first).to_have_text("结果还没有确定")
    photographed(phone, tmp_path, "status-settling")
    expect(phone.locator("#proof-title")).to_have_text("付款成功", timeout=30_000)
    photographed(phone, tmp_path, "status-paid")
    assert offline.reads(scanned(tmp_path / "status-paid.png"), signed) is ProofType.PAID


def test_nothing_of_an_order_is_in_the_gateways_log(
    counter: Counter, offline: Offline, phone: Page, browser: Browser
) -> None:
    """The access log too: there is none, and no other line names an address."""
    signed = offline.order()
    phone.goto(offline.url(signed))
    logs = [path for path in counter.folder.rglob("*.log") if path.is_file()]
    assert logs
    assert browser.is_connected()
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        assert signed.text[20:60] not in text, log
        assert public_text(offline.key) not in text, log
