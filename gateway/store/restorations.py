"""A database that was restored from a backup: what was done after the backup is not in it.

Until a person looked (`guitai gateway restored`)
- a number that is not known here may have been charged all the same: unless the till's journal shows that it was begun
  after its till heard from the restored gateway, no tombstone is made for it;
- a page that was open may have had orders that are not here: it takes no press and does not end by our own rows;
- what was told about a payment may be further than its row: `state_seq` leaps by the moment's seconds, or tills would
  not listen; that of numbers that are new here begins there, for ever.
It must not know HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, insert, select, update

from gateway.payments.values import Alarm, AlarmKind, PaymentKey
from gateway.store import alarms, journal
from gateway.store.statements import Statement
from gateway.store.tables import PAYMENTS, TERMINALS
from gateway.store.tables_restored import RESTORATIONS
from gateway.store.units import Tx

#: By how much a till's clock that was set by this gateway may be ahead of it.
ORDER_MARGIN_MS: Final = 600_000
#: What the alarm is about.
GATEWAY: Final = "gateway"

_R: Final = RESTORATIONS.c
_P: Final = PAYMENTS.c
_T: Final = TERMINALS.c
_OPEN: Final = Statement(
    select(_R.found_ms, _R.how).where(_R.looked_ms.is_(None)).order_by(_R.restoration_id.desc()).limit(1)
)
_LATEST: Final = Statement(select(func.max(_R.found_ms)))
_ADD: Final = insert(RESTORATIONS)
_LOOKED: Final = (
    update(RESTORATIONS)
    .where(_R.looked_ms.is_(None))
    .values(looked_ms=bindparam("v_now"), looked_by=bindparam("v_by"), reason=bindparam("v_reason"))
)
_UNDECIDED: Final = _P.state.not_in(("PAID", "NOT_PAID"))
_LEAP: Final = update(PAYMENTS).where(_UNDECIDED).values(state_seq=_P.state_seq + bindparam("v_leap"))
_QUESTION: Final = update(PAYMENTS).where(_UNDECIDED, _P.page == 1).values(in_question=1)
_IN_QUESTION: Final = (
    select(_P.terminal_id, _P.order_no, _P.n).where(_P.in_question == 1).order_by(_P.terminal_id, _P.order_no, _P.n)
)
_NO_QUESTION: Final = update(PAYMENTS).where(_P.in_question == 1).values(in_question=0)
_FORGET: Final = update(TERMINALS).values(lost_through=None)
_LOST: Final = Statement(select(_T.lost_through).where(_T.terminal_id == bindparam("k_terminal")))
_ANY_LOST: Final = Statement(select(func.count()).where(_T.lost_through.is_not(None)))
_MARK: Final = Statement(
    update(TERMINALS)
    .where(_T.terminal_id == bindparam("k_terminal"), _T.lost_through.is_(None))
    .values(lost_through=bindparam("v_seq"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """One that nobody looked at yet."""

    found_ms: int
    how: str


def unseen(tx: Tx) -> Restoration | None:
    """The latest that nobody looked at, if there is one."""
    row = tx.row(_OPEN)
    return None if row is None else Restoration(found_ms=row[0], how=row[1])


def found(tx: Tx, how: str, *, now_ms: int) -> None:
    """This database is a backup that was put in the place of a newer one. `how`: how that was noticed."""
    tx.connection.execute(_ADD, {"found_ms": now_ms, "how": how})
    tx.connection.execute(_FORGET)
    tx.connection.execute(_LEAP, {"v_leap": now_ms // 1000})
    tx.connection.execute(_QUESTION)
    alarm = Alarm(kind=AlarmKind.GATEWAY_RESTORED, detail=f"{how}; see `guitai gateway restored list`")
    alarms.raise_alarm(tx, alarm, about=GATEWAY, now_ms=now_ms)


def looked(tx: Tx, *, person: str, reason: str, now_ms: int) -> tuple[PaymentKey, ...]:
    """A person saw to all that was in question: our own rows are the truth again. Returns the pages that go on."""
    pages = pages_in_question(tx)
    if unseen(tx) is None:
        tx.connection.execute(_ADD, {"found_ms": now_ms, "how": "a till was told more than is here"})
    tx.connection.execute(_LOOKED, {"v_now": now_ms, "v_by": person, "v_reason": reason})
    tx.connection.execute(_FORGET)
    tx.connection.execute(_NO_QUESTION)
    alarms.close_alarm(tx, AlarmKind.GATEWAY_RESTORED, about=GATEWAY, now_ms=now_ms)
    return pages


def first_seq(tx: Tx) -> int:
    """Where the `state_seq` of a number begins that is new here: above all that a lost row was told with."""
    latest = tx.rows(_LATEST)[0][0]
    return 1 if latest is None else latest // 1000


def pages_in_question(tx: Tx) -> tuple[PaymentKey, ...]:
    """Payments that were on an open page."""
    rows = tx.connection.execute(_IN_QUESTION)
    return tuple(PaymentKey(terminal_id=row[0], order_no=row[1], n=row[2]) for row in rows)


def anything_lost(tx: Tx) -> bool:
    """Whether anything is in question."""
    return unseen(tx) is not None or tx.rows(_ANY_LOST)[0][0] > 0


def heard_from(tx: Tx, terminal_id: str, journal_seq: int) -> None:
    """A till speaks to the restored gateway for the first time: what its journal has up to here may be lost."""
    if unseen(tx) is not None:
        tx.change(_MARK, {"k_terminal": terminal_id, "v_seq": journal_seq})


def knows_more(tx: Tx, terminal_id: str, journal_seq: int) -> None:
    """A till was told of more than is here: so for that till some of our rows are lost, whatever the rest is."""
    tx.change(_MARK, {"k_terminal": terminal_id, "v_seq": journal_seq})


def order_may_be_lost(tx: Tx, terminal_id: str, *, made_ms: int | None) -> bool:
    """Whether an offline order that is not known here may have been begun. `made_ms`: None when its till's clock was
    not the gateway's."""
    latest = unseen(tx)
    if latest is not None:
        return made_ms is None or made_ms <= latest.found_ms + ORDER_MARGIN_MS
    return _lost_through(tx, terminal_id) is not None


def may_be_lost(tx: Tx, key: PaymentKey) -> bool:
    """Whether a number that is not known here may have been taken by a gateway whose latest rows are lost."""
    through = _lost_through(tx, key.terminal_id)
    if through is None:
        return unseen(tx) is not None
    return not journal.begun_after(tx, key, through)


def _lost_through(tx: Tx, terminal_id: str) -> int | None:
    row = tx.row(_LOST, {"k_terminal": terminal_id})
    return None if row is None else row[0]
