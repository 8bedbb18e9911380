"""Bills in WeChat Pay's own form: CSV in UTF-8 with a byte order mark, CRLF, every value behind a backtick, yuan.

A separator within a merchant's text is escaped by a full-width comma, so that a split by comma holds. Pure.
"""

from collections.abc import Mapping
from enum import Enum

from sandbox.wechat.beijing import bill_stamp
from sandbox.wechat.bill_rows import BillRow, RowKind

_BOM = "\ufeff"
_TRADE_HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额"
)
_REFUND_COLUMNS = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_TRADE_TAIL = "商品名称,商户数据包,手续费,费率,订单金额"
_ALL = f"{_TRADE_HEAD},{_REFUND_COLUMNS},{_TRADE_TAIL},申请退款金额,费率备注"
_SUCCESS = f"{_TRADE_HEAD},{_TRADE_TAIL},费率备注"
_REFUND = f"{_TRADE_HEAD},退款申请时间,退款成功时间,{_REFUND_COLUMNS},{_TRADE_TAIL},申请退款金额,费率备注"
_TRADE_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_FLOW = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
_FLOW_SUMMARY = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额"


class BillType(Enum):
    ALL = "ALL"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"


_HEADERS: Mapping[BillType, str] = {BillType.ALL: _ALL, BillType.SUCCESS: _SUCCESS, BillType.REFUND: _REFUND}
_KINDS: Mapping[BillType, tuple[RowKind, ...]] = {
    BillType.ALL: (RowKind.PAID, RowKind.REFUNDED, RowKind.REVOKED),
    BillType.SUCCESS: (RowKind.PAID,),
    BillType.REFUND: (RowKind.REFUNDED, RowKind.REVOKED),
}


def trade_bill(rows: tuple[BillRow, ...], bill_type: BillType, mchid: str) -> bytes | None:
    """None: there is nothing to tell."""
    chosen = [row for row in rows if row.kind in _KINDS[bill_type]]
    if not chosen:
        return None
    header = _HEADERS[bill_type]
    lines = [header, *(_line([_cells(row, mchid)[name] for name in header.split(",")]) for row in chosen)]
    paid_fen, returned_fen = sum(row.paid_fen for row in chosen), sum(row.returned_fen for row in chosen)
    fee = f"{_yuan(sum(row.fee_fen for row in chosen))}000"
    summary = [
        str(len(chosen)),
        _yuan(paid_fen),
        _yuan(returned_fen),
        "0.00",
        fee,
        _yuan(paid_fen),
        _yuan(returned_fen),
    ]
    return _file([*lines, _TRADE_SUMMARY, _line(summary)])


def fund_flow(rows: tuple[BillRow, ...], opening_fen: int) -> bytes | None:
    """Each row moves its amount, and its fee in a flow of its own."""
    lines: list[str] = []
    balance_fen, came, came_fen, went, went_fen = opening_fen, 0, 0, 0, 0
    for row in rows:
        flows = (
            (row.paid_fen - row.returned_fen, *_flow_names(row)),
            (-row.fee_fen, "扣除交易手续费", "扣除交易手续费"),
        )
        for index, (moved_fen, name, kind) in enumerate(flows):
            if not moved_fen:
                continue
            balance_fen += moved_fen
            if moved_fen > 0:
                came, came_fen = came + 1, came_fen + moved_fen
            else:
                went, went_fen = went + 1, went_fen - moved_fen
            number = row.refund_id or row.transaction_id
            cells = [bill_stamp(row.at_ms), row.transaction_id, f"{number}{index}", name, kind]
            cells += ["收入" if moved_fen > 0 else "支出", _yuan(abs(moved_fen)), _yuan(balance_fen)]
            lines.append(
                _line([*cells, "system", f"总金额{_yuan(abs(moved_fen))}元", row.out_refund_no or row.out_trade_no])
            )
    if not lines:
        return None
    summary = [str(came + went), str(came), _yuan(came_fen), str(went), _yuan(went_fen)]
    return _file([_FLOW, *lines, _FLOW_SUMMARY, _line(summary)])


def _cells(row: BillRow, mchid: str) -> Mapping[str, str]:
    back = row.kind is not RowKind.PAID
    return {
        "交易时间": bill_stamp(row.at_ms),
        "公众账号ID": row.appid,
        "商户号": mchid,
        "特约商户号": row.sub_mchid or "0",
        "设备号": "",
        "微信订单号": row.transaction_id,
        "商户订单号": row.out_trade_no,
        "用户标识": row.openid,
        "交易类型": row.trade_type.value,
        "交易状态": row.kind.value,
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": _yuan(row.paid_fen),
        "代金券金额": "0.00",
        "退款申请时间": bill_stamp(row.at_ms) if back else "",
        "退款成功时间": bill_stamp(row.landed_ms) if row.landed_ms is not None else "",
        "微信退款单号": row.refund_id or "0",
        "商户退款单号": row.out_refund_no or "0",
        "退款金额": _yuan(row.returned_fen),
        "充值券退款金额": "0.00",
        "退款类型": "ORIGINAL" if back else "",
        "退款状态": ("PROCESSING" if row.landed_ms is None else "SUCCESS") if back else "",
        "商品名称": row.description,
        "商户数据包": row.attach,
        "手续费": f"{_yuan(row.fee_fen)}000",
        "费率": "0.60%",
        "订单金额": _yuan(row.paid_fen),
        "申请退款金额": _yuan(row.returned_fen),
        "费率备注": "",
    }


def _flow_names(row: BillRow) -> tuple[str, str]:
    match row.kind:
        case RowKind.PAID:
            return "交易", "交易"
        case RowKind.REFUNDED | RowKind.REVOKED:
            return "退款", "退款"


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def _line(cells: list[str]) -> str:
    return ",".join("`" + cell.replace(",", "，").replace("\r", " ").replace("\n", " ") for cell in cells)


def _file(lines: list[str]) -> bytes:
    return (_BOM + "\r\n".join(lines) + "\r\n").encode("utf-8")
