"""Whose browser asks: by the published tokens in their order. A User-Agent only routes; unknown ones stay unknown."""

from __future__ import annotations

import pytest

from gateway.cashier_page.wallets import Wallet, wallet_of

_WECHAT_ANDROID = (
    "Mozilla/5.0 (Linux; Android 13; M2102K1C Build/TKQ1; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/116.0.0.0 MQQBrowser/6.2 TBS/046715 Mobile Safari/537.36 XWEB/1160117 MMWEBSDK/20240404 MMWEBID/98 "
    "MicroMessenger/8.0.49.2600(0x2800313D) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"
)
_ALIPAY = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
    "Ariver/1.1.0 AliApp(AP/10.5.60.6000) Nebula WK RVKType(0) AlipayDefined(nt:WIFI) AlipayClient/10.5.60.6000"
)
_UNIONPAY = (
    "Mozilla/5.0 (Linux; Android 12; V2055A) AppleWebKit/537.36 Chrome/87.0 MQQBrowser/6.2 Mobile Safari/537.36 "
    "(com.unionpay.chsp) (cordova 7.0.0) (updebug 0) (version 1000) UnionPay/1.0 CloudPay"
)
_QQ = (
    "Mozilla/5.0 (Linux; Android 11; PEGM00) AppleWebKit/537.36 Chrome/89.0 MQQBrowser/6.2 TBS/046141 Mobile "
    "Safari/537.36 V1_AND_SQ_8.8.95_2770_YYB_D A_8089500 QQ/8.8.95.8265 NetType/WIFI WebP/0.3.0"
)


@pytest.mark.parametrize(
    ("said", "wallet"),
    [
        (_WECHAT_ANDROID, Wallet.WECHAT),
        ("Mozilla/5.0 (iPhone) MicroMessenger/8.0.47(0x18002f2c) NetType/WIFI Language/zh_CN", Wallet.WECHAT),
        (_ALIPAY, Wallet.ALIPAY),
        (_UNIONPAY, Wallet.UNIONPAY),
        ("Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36 UnionPay/1.0 ICBCeLife", Wallet.UNIONPAY),
        ("Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36 UnionPay/1.0 JDJR", Wallet.UNIONPAY),
        ("Mozilla/5.0 (iPhone) Mobile/15E148 (com.unionpay.chsp) (cordova 4.5.4)", Wallet.UNIONPAY),
        (_QQ, Wallet.QQ),
        ("Mozilla/5.0 (iPhone) Mobile QQ/8.9.3.606 V1_IPH_SQ_8.9.3_1_APP_A Pixel/1170", Wallet.QQ),
        ("Mozilla/5.0 (iPhone) Mobile/15E148 JDJR-App&clientType=ios", Wallet.JD),
        # What only looks like one.
        ("Mozilla/5.0 (Linux; U; Android 12) MQQBrowser/13.6 Mobile Safari/537.36", None),
        ("Mozilla/5.0 (Linux; Android 12) Mobile Safari/537.36 QQ/8.8.95", None),
        ("Mozilla/5.0 (Linux; Android 12) Mobile V1_AND_SQ_8.8.95 Safari/537.36", None),
        ("Mozilla/5.0 NotUnionPay/1.0", None),
        ("Mozilla/5.0 (Macintosh) Version/17.4 Safari/605.1.15", None),
        ("", None),
        # Several at once: the first of the published order.
        (f"{_ALIPAY} MicroMessenger/8.0", Wallet.WECHAT),
        (f"{_UNIONPAY} AlipayClient/10", Wallet.ALIPAY),
        (f"{_QQ} UnionPay/1.0 CloudPay", Wallet.UNIONPAY),
        (f"{_QQ} JDJR-App", Wallet.QQ),
        # What comes after a kilobyte is not read.
        ("x" * 2_000 + "MicroMessenger/8.0", None),
    ],
)
def test_the_first_token_of_the_published_order_decides(said: str, wallet: Wallet | None) -> None:
    assert wallet_of(said) is wallet
