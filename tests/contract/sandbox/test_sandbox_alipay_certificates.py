"""Alipay's certificate mode, through an SDK that others wrote: it names certificates, and believes the wallet's."""

from importlib import import_module
from typing import Any, cast

import pytest

from tests.contract.sandbox.running_sandbox import RunningSandbox


@pytest.mark.filterwarnings("ignore:X509:DeprecationWarning", "ignore:.*OpenSSL.*:DeprecationWarning")
def test_an_sdk_in_certificate_mode_is_answered_by_the_certificate_it_trusts(sandbox: RunningSandbox) -> None:
    about: dict[str, str] = sandbox.http.get("/merchant/alipay").json()
    sdk = cast("Any", import_module("alipay")).DCAliPay(
        appid=about["app_id"],
        app_notify_url=None,
        app_private_key_string=about["merchant_private_key_pkcs1_pem"],
        app_public_key_cert_string=about["app_certificate_pem"],
        alipay_public_key_cert_string=about["alipay_certificate_pem"],
        alipay_root_cert_string=about["alipay_root_certificate_pem"],
    )
    sdk._gateway = about["gateway_url"]
    shown = sdk.api_alipay_trade_precreate(subject="收款", out_trade_no="CERT1", total_amount="3.00")
    assert shown["code"] == "10000"
    sandbox.scan(shown["qr_code"])
    assert sdk.api_alipay_trade_query(out_trade_no="CERT1")["trade_status"] == "TRADE_SUCCESS"
