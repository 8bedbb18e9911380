"""The words of the phone page in its three languages. Every table has the same keys. Pure."""

from collections.abc import Mapping
from typing import TypeAlias

Words: TypeAlias = Mapping[str, str]

DEFAULT_LANGUAGE = "zh-CN"

_ZH_CN: Words = {
    "title": "顾客的手机",
    "training": "模拟钱包 · 不是真钱",
    "wallet": "支付宝",
    "code_title": "向商家付款",
    "good_for": "{s} 秒后自动刷新",
    "refresh": "换一个付款码",
    "customer": "这位顾客会怎样",
    "seconds": "秒",
    "hold": "把付款码放到扫码枪下",
    "held": "已放到扫码枪下",
    "no_gun": "这里没有虚拟扫码枪。请用真枪或摄像头扫上面的码。",
    "gun_not_read": "收银台没有在读扫码枪。请先打开收银台。",
    "scan_title": "扫商家的二维码",
    "scan_none": "收银台现在没有出示二维码",
    "scan_paste": "粘贴二维码内容",
    "scan": "扫码付款",
    "scan_text": "扫",
    "money_title": "我的钱",
    "money_none": "还没有付过款",
    "state_waiting": "等待付款",
    "state_paid": "已付款",
    "state_closed": "已关闭，没有扣款",
    "state_reversed": "已撤销，钱已退回",
    "scan_paid": "付款成功",
    "scan_waiting": "订单已打开，还没有付款",
    "scan_qr_expired": "二维码已过期，没有付款",
    "scan_qr_void": "商家已取消，没有付款",
    "scan_already_paid": "这笔订单已经付过了",
    "scan_order_closed": "订单已关闭，没有付款",
    "unknown_qr": "这不是此沙箱的支付宝二维码",
    "offline": "连不上沙箱，正在重试",
    "failed": "没有成功，请再试一次",
    "do_pay": "直接付款",
    "do_ask_password": "输密码，然后付款",
    "do_balance_low": "余额不足",
    "do_expired": "付款码已过期",
    "do_system_error_charged": "钱扣了，钱包却回答系统错误",
    "do_system_error_not_charged": "没扣钱，钱包回答系统错误",
    "do_drop_after_charge": "钱扣了，回答在路上断了",
    "do_drop_before_charge": "请求在路上断了，没扣钱",
    "do_never": "一直不输密码",
}

_ZH_TW: Words = {
    "title": "顧客的手機",
    "training": "模擬錢包 · 不是真錢",
    "wallet": "支付寶",
    "code_title": "向商家付款",
    "good_for": "{s} 秒後自動更新",
    "refresh": "換一個付款碼",
    "customer": "這位顧客會怎樣",
    "seconds": "秒",
    "hold": "把付款碼放到掃碼槍下",
    "held": "已放到掃碼槍下",
    "no_gun": "這裡沒有虛擬掃碼槍。請用真槍或攝影機掃上面的碼。",
    "gun_not_read": "收銀台沒有在讀掃碼槍。請先打開收銀台。",
    "scan_title": "掃商家的二維碼",
    "scan_none": "收銀台現在沒有出示二維碼",
    "scan_paste": "貼上二維碼內容",
    "scan": "掃碼付款",
    "scan_text": "掃",
    "money_title": "我的錢",
    "money_none": "還沒有付過款",
    "state_waiting": "等待付款",
    "state_paid": "已付款",
    "state_closed": "已關閉，沒有扣款",
    "state_reversed": "已撤銷，錢已退回",
    "scan_paid": "付款成功",
    "scan_waiting": "訂單已打開，還沒有付款",
    "scan_qr_expired": "二維碼已過期，沒有付款",
    "scan_qr_void": "商家已取消，沒有付款",
    "scan_already_paid": "這筆訂單已經付過了",
    "scan_order_closed": "訂單已關閉，沒有付款",
    "unknown_qr": "這不是此沙箱的支付寶二維碼",
    "offline": "連不上沙箱，正在重試",
    "failed": "沒有成功，請再試一次",
    "do_pay": "直接付款",
    "do_ask_password": "輸密碼，然後付款",
    "do_balance_low": "餘額不足",
    "do_expired": "付款碼已過期",
    "do_system_error_charged": "錢扣了，錢包卻回答系統錯誤",
    "do_system_error_not_charged": "沒扣錢，錢包回答系統錯誤",
    "do_drop_after_charge": "錢扣了，回答在路上斷了",
    "do_drop_before_charge": "請求在路上斷了，沒扣錢",
    "do_never": "一直不輸密碼",
}

_EN: Words = {
    "title": "The customer's phone",
    "training": "Simulated wallet · not real money",
    "wallet": "Alipay",
    "code_title": "Pay the shop",
    "good_for": "New code in {s} s",
    "refresh": "Another code",
    "customer": "What this customer does",
    "seconds": "s",
    "hold": "Hold the code under the gun",
    "held": "Under the gun",
    "no_gun": "No virtual gun here. Scan the code above with a real gun or a camera.",
    "gun_not_read": "The till is not reading the gun. Open the cashier app first.",
    "scan_title": "Scan the shop's QR",
    "scan_none": "The till shows no QR now",
    "scan_paste": "Paste the QR's text",
    "scan": "Scan and pay",
    "scan_text": "Scan",
    "money_title": "My money",
    "money_none": "Nothing paid yet",
    "state_waiting": "Waiting",
    "state_paid": "Paid",
    "state_closed": "Closed, nothing taken",
    "state_reversed": "Undone, money returned",
    "scan_paid": "Paid",
    "scan_waiting": "Order opened, not paid yet",
    "scan_qr_expired": "The QR has expired. Not paid",
    "scan_qr_void": "The shop cancelled it. Not paid",
    "scan_already_paid": "This order is paid already",
    "scan_order_closed": "The order is closed. Not paid",
    "unknown_qr": "Not an Alipay QR of this sandbox",
    "offline": "Cannot reach the sandbox, trying again",
    "failed": "That did not work. Please try again",
    "do_pay": "Pays at once",
    "do_ask_password": "Password, then pays",
    "do_balance_low": "Has too little money",
    "do_expired": "Shows an expired code",
    "do_system_error_charged": "Charged, yet told “system error”",
    "do_system_error_not_charged": "Not charged, told “system error”",
    "do_drop_after_charge": "Charged, then the line breaks",
    "do_drop_before_charge": "The line breaks before the charge",
    "do_never": "Never types the password",
}

LANGUAGES: Mapping[str, Words] = {DEFAULT_LANGUAGE: _ZH_CN, "zh-TW": _ZH_TW, "en": _EN}

LANGUAGE_NAMES: Mapping[str, str] = {"zh-CN": "简", "zh-TW": "繁", "en": "EN"}


def choose_language(asked: str | None, accept_language: str) -> str:
    """The language asked for by name, else the browser's first that there is, else simplified Chinese."""
    for wish in (asked or "", *accept_language.split(",")):
        language = _known(wish.split(";")[0].strip())
        if language is not None:
            return language
    return DEFAULT_LANGUAGE


def _known(tag: str) -> str | None:
    parts = tag.lower().replace("_", "-").split("-")
    if parts[0] == "en":
        return "en"
    if parts[0] == "zh":
        return "zh-TW" if {"tw", "hk", "mo", "hant"} & set(parts) else DEFAULT_LANGUAGE
    return None
