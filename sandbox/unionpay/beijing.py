"""UnionPay's times: Beijing wall time as digits, and the settlement day, which ends at an hour of its own. Epoch
milliseconds inside. Pure: no clock."""

import re
from datetime import date, datetime, timedelta, timezone

SETTLEMENT_HOUR = 23
"""The settlement day of a date runs from this hour of the day before. Not published with the interface: a setting."""
_BEIJING = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  (beside the other zone)
_TXN_TIME = re.compile(r"[0-9]{14}", re.ASCII)
_SETTLE_DATE = re.compile(r"[0-9]{4}", re.ASCII)


def txn_stamp(now_ms: int) -> str:
    """`yyyyMMddHHmmss`, as txnTime has it."""
    return _moment(now_ms).strftime("%Y%m%d%H%M%S")


def trace_stamp(now_ms: int) -> str:
    """`MMddHHmmss`, as traceTime has it."""
    return _moment(now_ms).strftime("%m%d%H%M%S")


def parse_txn_time(text: str) -> int | None:
    if not _TXN_TIME.fullmatch(text):
        return None
    try:
        return _ms(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING))
    except ValueError:
        return None


def day_of(now_ms: int) -> date:
    """The Beijing day of a moment."""
    return _moment(now_ms).date()


def day_start_ms(day: date) -> int:
    """Midnight in Beijing."""
    return _ms(datetime(day.year, day.month, day.day, tzinfo=_BEIJING))


def settlement_day(now_ms: int, settlement_hour: int) -> date:
    """The settlement day of a moment. `settlement_hour` 24: the Beijing day itself."""
    return (_moment(now_ms) + timedelta(hours=24 - settlement_hour)).date()


def settle_stamp(day: date) -> str:
    """`MMdd`, as settleDate has it."""
    return day.strftime("%m%d")


def parse_settle_date(text: str, now_ms: int) -> date | None:
    """settleDate has no year: the last such day that has come."""
    if not _SETTLE_DATE.fullmatch(text):
        return None
    today = day_of(now_ms)
    for year in (today.year, today.year - 1):
        try:
            day = date(year, int(text[:2]), int(text[2:]))
        except ValueError:
            continue
        if day <= today:
            return day
    return None


def moment_utc(now_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=now_ms)


def _moment(now_ms: int) -> datetime:
    return moment_utc(now_ms).astimezone(_BEIJING)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
