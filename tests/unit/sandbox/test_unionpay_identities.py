"""Rule: one customer is one user id; a userAuthCode works once; what the sandbox says of itself is enough to trade."""

import base64
from urllib.parse import quote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, pkcs12

from sandbox.scripts import Script
from sandbox.unionpay.about import about_merchant
from sandbox.unionpay.certificates import TEST_CN, merchant_with
from sandbox.wallet import Origins, ScanResult, SimulatedWallet
from sandbox.wire import HttpRequestParts
from tests.unit.sandbox.unionpay_bench import START_MS, USER_ID, Bench, keys, merchant, script

PAGE = "/qrcGtwWeb-web/api/userAuth"
BACK = "https://shop.test/q/1?state=abc"


def ask_page(bench: Bench, customer: str = "Li", *, version: str = "1.0.0", path: str = PAGE) -> str | None:
    query = f"version={version}&redirectUrl={quote(BACK, safe='')}".encode()
    return bench.wallet.authorize(HttpRequestParts(method="GET", path=path, query=query), customer, bench.now_ms)


def auth_code(bench: Bench, customer: str = "Li") -> str:
    back = ask_page(bench, customer)
    assert back is not None
    head, _, rest = urlsplit(back).query.partition("userAuthCode=")
    assert head == "state=abc&"
    code, _, after = rest.partition("&")
    assert after == "respCode=00"
    return code


def exchange(bench: Bench, code: str) -> dict[str, str]:
    asked = {"userAuthCode": code, "appUpIdentifier": "CloudPay", "txnTime": "20261122100000"}
    return dict(bench.call(USER_ID, asked))


def test_the_server_is_a_wallet() -> None:
    wallet: SimulatedWallet = Bench().wallet
    assert (wallet.name, "UnionPay/1.0 CloudPay" in wallet.user_agent) == ("unionpay", True)
    assert "MicroMessenger" not in wallet.user_agent


def test_the_code_comes_back_as_it_is_and_becomes_a_user_id_once() -> None:
    bench = Bench()
    code = auth_code(bench)
    base64.b64decode(code, validate=True)
    said = exchange(bench, code)
    assert (said["respCode"], said["userAuthCode"], len(said["userId"])) == ("00", code, 12)
    assert exchange(bench, code)["respCode"] == "45"
    assert exchange(bench, "AAAA")["respCode"] == "34"


def test_one_customer_is_one_account() -> None:
    bench = Bench()
    first, again, other = (exchange(bench, auth_code(bench, one))["userId"] for one in ("Li", "Li", "Wang"))
    assert first == again != other


def test_a_code_dies_after_five_minutes() -> None:
    bench = Bench()
    code = auth_code(bench)
    bench.later(300)
    assert exchange(bench, code)["respCode"] == "80"


def test_what_is_not_the_page_is_not_authorised() -> None:
    bench = Bench()
    assert ask_page(bench, path="/other") is None
    assert ask_page(bench, version="2.0.0") is None
    nowhere = HttpRequestParts(method="GET", path=PAGE, query=b"version=1.0.0&redirectUrl=shop")
    assert bench.wallet.authorize(nowhere, "Li", bench.now_ms) is None


@pytest.mark.parametrize("name", ["userAuthCode", "appUpIdentifier"])
def test_the_exchange_needs_both(name: str) -> None:
    bench = Bench()
    asked = {"userAuthCode": "AAAA", "appUpIdentifier": "CloudPay"}
    assert bench.call(USER_ID, asked, drop=name)["respCode"] == "13"


def paid_in_browser(bench: Bench, handed: dict[str, str], wanted: Script) -> ScanResult:
    return bench.wallet.pay_in_browser(handed, wanted, bench.now_ms).result


def test_the_page_sends_its_browser_to_the_orders_address() -> None:
    bench, poor = Bench(), Bench()
    assert paid_in_browser(bench, {"redirect": bench.make_qr()}, script("pay")) is ScanResult.PAID
    assert paid_in_browser(poor, {"payUrl": poor.make_qr()}, script("balance_low")) is ScanResult.GAVE_UP
    assert paid_in_browser(bench, {}, script("pay")) is ScanResult.UNKNOWN_QR


def test_the_description_holds_all_that_an_sdk_needs() -> None:
    about = Bench().wallet.about(Origins(plain="http://127.0.0.1:8600", tls=None))
    assert about["back_url"] == "http://127.0.0.1:8600/gateway/api/backTransReq.do"
    assert about["query_url"] == "http://127.0.0.1:8600/gateway/api/queryTrans.do"
    assert about["signer_name"] == "中国银联股份有限公司"
    pfx = base64.b64decode(str(about["merchant_pfx_base64"]))
    key, certificate, _ = pkcs12.load_key_and_certificates(pfx, b"000000")
    assert key is not None
    assert certificate is not None
    assert certificate.public_key() == key.public_key()
    assert str(certificate.serial_number) == about["cert_id"]
    assert load_pem_private_key(str(about["merchant_private_key_pem"]).encode(), None) is not None
    root = x509.load_pem_x509_certificate(str(about["root_certificate_pem"]).encode())
    middle = x509.load_pem_x509_certificate(str(about["middle_certificate_pem"]).encode())
    middle.verify_directly_issued_by(root)
    certificate.verify_directly_issued_by(middle)


def test_the_same_keys_make_the_same_merchant() -> None:
    again = merchant_with(keys(), now_ms=START_MS)
    assert again.merchant.certificate == merchant().merchant.certificate
    assert again.unionpay.cert_id == merchant().unionpay.cert_id


def test_the_name_of_the_test_environment_can_be_had() -> None:
    testing = merchant_with(keys(), now_ms=START_MS, unionpay_cn=TEST_CN)
    assert about_merchant(testing, Origins(plain="http://x", tls=None))["signer_name"] == "00040000:SIGN"
