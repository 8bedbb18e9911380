"""UnionPay's respCodes, as the simulation says them, with their words. A table; must not know who says which when."""

from collections.abc import Mapping
from enum import Enum


class Code(Enum):
    OK = "00"
    DEFECT = "A6"
    """Success with a defect: the money counts as paid."""
    TIMEOUT = "03"
    UNKNOWN = "04"
    ACCEPTED = "05"
    CLOSED_SYSTEM = "02"
    BAD_FORMAT = "10"
    BAD_SIGNATURE = "11"
    DUPLICATE = "12"
    MISSING = "13"
    BAD_MERCHANT = "31"
    NO_PERMISSION = "32"
    AMOUNT_LIMIT = "33"
    NO_SUCH_TRADE = "34"
    ORIGINAL_STATE = "35"
    DIFFERS = "36"
    TOO_OFTEN = "37"
    OUT_OF_TIME = "39"
    PAST_DEADLINE = "42"
    ALREADY_UNDONE = "45"
    BAD_CODE = "61"
    BALANCE_LOW = "64"
    INPUT_TIMEOUT = "69"
    WRITE_OFF_UNKNOWN = "74"
    WRITE_OFF_FAILED = "75"
    CODE_EXPIRED = "80"
    NO_FILE = "98"


_WORDS: Mapping[Code, str] = {
    Code.OK: "成功",
    Code.DEFECT: "有缺陷的成功",
    Code.TIMEOUT: "交易通讯超时，请发起查询交易",
    Code.UNKNOWN: "交易状态未明，请查询对账结果",
    Code.ACCEPTED: "交易已受理，请稍后查询交易结果",
    Code.CLOSED_SYSTEM: "系统未开放或暂时关闭，请稍后再试",
    Code.BAD_FORMAT: "报文格式错误",
    Code.BAD_SIGNATURE: "验证签名失败",
    Code.DUPLICATE: "重复交易",
    Code.MISSING: "报文交易要素缺失",
    Code.BAD_MERCHANT: "商户状态不正确",
    Code.NO_PERMISSION: "无此交易权限",
    Code.AMOUNT_LIMIT: "交易金额超限",
    Code.NO_SUCH_TRADE: "查无此交易",
    Code.ORIGINAL_STATE: "原交易不存在或状态不正确",
    Code.DIFFERS: "与原交易信息不符",
    Code.TOO_OFTEN: "已超过最大查询次数或操作过于频繁",
    Code.OUT_OF_TIME: "交易不在受理时间范围内",
    Code.PAST_DEADLINE: "扣款成功但交易超过规定支付时间",
    Code.ALREADY_UNDONE: "原交易已被成功退货或已被成功撤销",
    Code.BAD_CODE: "输入的卡号无效，请确认后输入",
    Code.BALANCE_LOW: "卡上的余额不足",
    Code.INPUT_TIMEOUT: "交易超时，未支付",
    Code.WRITE_OFF_UNKNOWN: "扣款成功，销账未知",
    Code.WRITE_OFF_FAILED: "扣款成功，销账失败",
    Code.CODE_EXPIRED: "付款码已失效",
    Code.NO_FILE: "文件不存在",
}
"""Total."""


def words_of(code: Code, detail: str = "") -> str:
    """As respMsg and origRespMsg say it; the brackets hold UnionPay's own number, which means nothing to a shop."""
    number = "0000000" if code is Code.OK else f"61310{code.value}"
    return f"{_WORDS[code]}{f'：{detail}' if detail else ''}[{number}]"
