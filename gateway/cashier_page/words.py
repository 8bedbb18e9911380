"""The words of the page in its three languages. Every table has the same keys. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Words: TypeAlias = Mapping[str, str]

DEFAULT_LANGUAGE: Final = "zh-CN"

_ZH_CN: Words = {
    "title": "付款",
    "wechat": "微信",
    "alipay": "支付宝",
    "unionpay": "云闪付",
    "qq": "QQ",
    "jd": "京东金融",
    "pay_to": "付款给",
    "amount": "付款金额",
    "pay_with": "用{wallet}付款",
    "not_paid_yet": "还没有付款",
    "opening": "正在打开{wallet}…",
    "confirming": "正在确认，请稍候…",
    "gave_up": "还没有付款。可以再按一次。",
    "leave": "我不付了，让别人付",
    "left": "已让出。请别人扫同一个码付款。",
    "no_bridge": "{wallet}没有回应。请再按一次。",
    "line_bad": "网络不稳，没有连上。请再按一次。",
    "wait_title": "另一位顾客正在付款",
    "wait_text": "请稍候。轮到您时会自动继续。",
    "not_begun": "这次没有开始付款。请再按一次。",
    "paid_title": "付款成功",
    "paid_text": "请把这一页给收银员看，或直接离开。",
    "taken_title": "这笔已付清",
    "taken_text": "如果不是您付的，没有扣您的钱。请向收银员要新的二维码。",
    "over_title": "此码不能再付款",
    "over_text": "请向收银员要一个新的二维码。",
    "over_return": "正在关闭。如果已经扣款，会自动退回原账户。",
    "gone_title": "这里没有待付的款",
    "gone_text": "请向收银员要一个新的二维码。",
    "busy_title": "请求太多",
    "busy_text": "请等几秒再试。",
    "choose_title": "请用付款应用扫码",
    "choose_text": "打开下面任一应用，用它的“扫一扫”再扫一次收银台上的二维码。",
    "choose_other": "这家店不收{wallet}。请用下面的应用扫码：",
    "choose_none": "这家店现在不能用手机收款。请改用现金。",
    "sign_in_title": "没能认出您的{wallet}账户",
    "sign_in_text": "还没有付款。请再试一次。",
    "again": "再试一次",
    "too_much": "最多 ¥{most}",
    "delete": "删除",
    "no_script": "请在浏览器里允许脚本，或向收银员改用付款码。",
}

_ZH_TW: Words = {
    "title": "付款",
    "wechat": "微信",
    "alipay": "支付寶",
    "unionpay": "雲閃付",
    "qq": "QQ",
    "jd": "京東金融",
    "pay_to": "付款給",
    "amount": "付款金額",
    "pay_with": "用{wallet}付款",
    "not_paid_yet": "還沒有付款",
    "opening": "正在開啟{wallet}…",
    "confirming": "正在確認，請稍候…",
    "gave_up": "還沒有付款。可以再按一次。",
    "leave": "我不付了，讓別人付",
    "left": "已讓出。請別人掃同一個碼付款。",
    "no_bridge": "{wallet}沒有回應。請再按一次。",
    "line_bad": "網路不穩，沒有連上。請再按一次。",
    "wait_title": "另一位顧客正在付款",
    "wait_text": "請稍候。輪到您時會自動繼續。",
    "not_begun": "這次沒有開始付款。請再按一次。",
    "paid_title": "付款成功",
    "paid_text": "請把這一頁給收銀員看，或直接離開。",
    "taken_title": "這筆已付清",
    "taken_text": "如果不是您付的，沒有扣您的錢。請向收銀員要新的 QR 碼。",
    "over_title": "此碼不能再付款",
    "over_text": "請向收銀員要一個新的二維碼。",
    "over_return": "正在關閉。如果已經扣款，會自動退回原帳戶。",
    "gone_title": "這裡沒有待付的款",
    "gone_text": "請向收銀員要一個新的二維碼。",
    "busy_title": "請求太多",
    "busy_text": "請等幾秒再試。",
    "choose_title": "請用付款應用程式掃碼",
    "choose_text": "開啟下面任一應用程式，用它的「掃一掃」再掃一次收銀台上的二維碼。",
    "choose_other": "這家店不收{wallet}。請用下面的應用程式掃碼：",
    "choose_none": "這家店現在不能用手機收款。請改用現金。",
    "sign_in_title": "沒能認出您的{wallet}帳戶",
    "sign_in_text": "還沒有付款。請再試一次。",
    "again": "再試一次",
    "too_much": "最多 ¥{most}",
    "delete": "刪除",
    "no_script": "請在瀏覽器裡允許指令碼，或向收銀員改用付款碼。",
}

_EN: Words = {
    "title": "Payment",
    "wechat": "WeChat",
    "alipay": "Alipay",
    "unionpay": "UnionPay",
    "qq": "QQ",
    "jd": "JD Finance",
    "pay_to": "Pay to",
    "amount": "Amount to pay",
    "pay_with": "Pay with {wallet}",
    "not_paid_yet": "Not paid yet",
    "opening": "Opening {wallet}…",
    "confirming": "Confirming, please wait…",
    "gave_up": "Nothing was paid. You can press again.",
    "leave": "Let somebody else pay",
    "left": "Left. Somebody else may scan the same code.",
    "no_bridge": "{wallet} did not respond. Please press again.",
    "line_bad": "The connection is poor. Please press again.",
    "wait_title": "Another customer is paying",
    "wait_text": "Please wait. It goes on by itself when it is your turn.",
    "not_begun": "The payment did not begin. Please press again.",
    "paid_title": "Paid",
    "paid_text": "Show this page to the cashier, or simply leave.",
    "taken_title": "This one is paid already",
    "taken_text": "If it was not you, you were not charged. Ask the cashier for a new code.",
    "over_title": "This code can no longer be paid",
    "over_text": "Please ask the cashier for a new QR code.",
    "over_return": "It is being closed. Money that was taken goes back by itself.",
    "gone_title": "There is nothing to pay here",
    "gone_text": "Please ask the cashier for a new QR code.",
    "busy_title": "Too many requests",
    "busy_text": "Please try again in some seconds.",
    "choose_title": "Scan this with a payment app",
    "choose_text": "Open one of these apps and scan the QR code at the counter with it.",
    "choose_other": "This shop does not take {wallet}. Please scan with one of these:",
    "choose_none": "This shop cannot take payments by phone now. Please pay cash.",
    "sign_in_title": "Your {wallet} account was not recognised",
    "sign_in_text": "Nothing was paid. Please try again.",
    "again": "Try again",
    "too_much": "At most ¥{most}",
    "delete": "Delete",
    "no_script": "Please allow scripts in your browser, or let the cashier scan your payment code.",
}

LANGUAGES: Final[Mapping[str, Words]] = {DEFAULT_LANGUAGE: _ZH_CN, "zh-TW": _ZH_TW, "en": _EN}


def language_of(asked: str, accept_language: str) -> str:
    """The language asked for by name, else the browser's first that there is, else simplified Chinese."""
    for wish in (asked, *accept_language[:256].split(",")):
        language = known_language(wish.split(";")[0].strip())
        if language is not None:
            return language
    return DEFAULT_LANGUAGE


def known_language(tag: str) -> str | None:
    parts = tag.lower().replace("_", "-").split("-")
    if parts[0] == "en":
        return "en"
    if parts[0] == "zh":
        return "zh-TW" if {"tw", "hk", "mo", "hant"} & set(parts) else DEFAULT_LANGUAGE
    return None
