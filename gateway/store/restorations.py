"""A database that was restored from a backup: what was done after the backup is not in it.

For each till until a person looked after its journal was complete (`guitai gateway restored`)
- a number that is not known here may have been charged all the same: unless the till's journal shows that it was begun
  after the till signed something that reached the restored gateway, no tombstone is made for it;
- what was open is in question: it is asked about, and not undone by itself; a page may have had orders that are not
  here, takes no press and does not end by our own rows;
- what was told about a payment may be further than its row: `state_seq` leaps to the moment's seconds, or tills would
  not listen; that of numbers that are new here begins there, for ever.
It must not know HTTP.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, case, func, insert, or_, select, true, update

from gateway.payments.values import Alarm, AlarmKind, PaymentKey
from gateway.store import alarms, journal
from gateway.store.pages import STATIC_KEY
from gateway.store.statements import Statement
from gateway.store.tables import PAYMENTS, TERMINALS
from gateway.store.tables_restored import RESTORATIONS
from gateway.store.units import Tx

#: By how much a till's clock that was set by this gateway may be ahead of it.
ORDER_MARGIN_MS: Final = 600_000
#: What the alarm about all tills is about.
GATEWAY: Final = "gateway"
#: Of a till that has not spoken since: all of its journal may be lost.
_UNHEARD: Final = 1 << 62

_R: Final = RESTORATIONS.c
_P: Final = PAYMENTS.c
_T: Final = TERMINALS.c
_LATEST: Final = Statement(select(func.max(_R.found_ms)))
_OPEN: Final = select(_R.found_ms, _R.how).where(_R.looked_ms.is_(None)).order_by(_R.restoration_id.desc()).limit(1)
_ADD: Final = insert(RESTORATIONS)
_LOOKED: Final = (
    update(RESTORATIONS)
    .where(_R.looked_ms.is_(None))
    .values(looked_ms=bindparam("v_looked"), looked_by=bindparam("v_by"), reason=bindparam("v_reason"))
)
_UNDECIDED: Final = _P.state.not_in(("PAID", "NOT_PAID"))
_THIS: Final = _T.terminal_id == bindparam("k_terminal")
_IN_QUESTION: Final = (
    select(_P.terminal_id, _P.order_no, _P.n)
    .where(_P.in_question == 1, _UNDECIDED)
    .order_by(_P.terminal_id, _P.order_no, _P.n)
)
_DEVICE: Final = _T.public_key.not_like(f"{STATIC_KEY}%")
#: Nothing more is to come from such a till: it spoke, and its journal is here as far as it went then.
_COMPLETE: Final = or_(_T.revoked_ms.is_not(None), _T.journal_seq >= _T.lost_through)
_MARKED: Final = _T.lost_through.is_not(None)
_WAITING: Final = select(_T.terminal_id).where(_MARKED, ~_COMPLETE).order_by(_T.terminal_id)
_HEARD_IN_FULL: Final = Statement(select(_T.terminal_id).where(_THIS, or_(_T.lost_through.is_(None), _COMPLETE)))
_FORGET: Final = update(TERMINALS).where(_MARKED, _COMPLETE).values(lost_through=None)
_NO_QUESTION: Final = (
    update(PAYMENTS)
    .where(_P.in_question == 1, _P.terminal_id.not_in(select(_T.terminal_id).where(_MARKED)))
    .values(in_question=0)
)
_LOST: Final = Statement(select(_T.lost_through).where(_THIS))
_ANY_LOST: Final = select(func.count()).where(_MARKED)
_UNHEARD_ALL: Final = update(TERMINALS).where(_DEVICE).values(lost_through=_UNHEARD)
_HEARD: Final = Statement(
    update(TERMINALS).where(_THIS, _T.lost_through == _UNHEARD).values(lost_through=bindparam("v_seq"))
)
_MARK: Final = update(TERMINALS).where(_THIS).values(lost_through=bindparam("v_seq"))


class Restoration(Struct, frozen=True, kw_only=True):
    """One of which something is still in question."""

    found_ms: int
    how: str


def latest_open(tx: Tx) -> Restoration | None:
    row = tx.connection.execute(_OPEN).one_or_none()
    return None if row is None else Restoration(found_ms=row.found_ms, how=row.how)


def found(tx: Tx, how: str, *, now_ms: int) -> None:
    """This database is a backup that was put in the place of a newer one. `how`: how that was noticed."""
    tx.connection.execute(_UNHEARD_ALL)
    _question(tx, how, true(), about=GATEWAY, now_ms=now_ms)


def told_more(tx: Tx, terminal_id: str, journal_seq: int, *, now_ms: int) -> None:
    """A till was told of more than is here: so some of our rows about it are lost, whatever the rest is."""
    if _lost_through(tx, terminal_id) is not None:
        return
    tx.connection.execute(_MARK, {"k_terminal": terminal_id, "v_seq": journal_seq})
    how = f"till {terminal_id} was told of more than is here"
    _question(tx, how, _P.terminal_id == terminal_id, about=terminal_id, now_ms=now_ms)


def heard_from(tx: Tx, terminal_id: str, journal_seq: int, *, signed_ms: int) -> None:
    """A till speaks to the restored gateway for the first time: what its journal has up to here may be lost. What it
    signed before is no such word."""
    latest = tx.rows(_LATEST)[0][0]
    if latest is not None and signed_ms >= latest:
        tx.change(_HEARD, {"k_terminal": terminal_id, "v_seq": journal_seq})


def looked(tx: Tx, *, person: str, reason: str, now_ms: int) -> tuple[PaymentKey, ...]:
    """A person saw to what was in question: of each till whose journal is complete our own rows are the truth again.
    Returns what is not in question any more."""
    before = in_question(tx)
    tx.connection.execute(_FORGET)
    tx.connection.execute(_NO_QUESTION)
    left = waiting(tx)
    said = {"v_by": person, "v_reason": reason, "v_looked": None if left else now_ms}
    tx.connection.execute(_LOOKED, said)
    for alarm in alarms.open_alarms(tx):
        if alarm.kind == AlarmKind.GATEWAY_RESTORED and (not left or alarm.about not in (GATEWAY, *left)):
            alarms.close_alarm(tx, AlarmKind.GATEWAY_RESTORED, about=alarm.about, now_ms=now_ms)
    still = set(in_question(tx))
    return tuple(key for key in before if key not in still)


def heard_in_full(tx: Tx, terminal_id: str) -> bool:
    """Whether this till has spoken since, if it has to, and its journal is here as far as it went then."""
    return tx.row(_HEARD_IN_FULL, {"k_terminal": terminal_id}) is not None


def waiting(tx: Tx) -> tuple[str, ...]:
    """Tills that have not spoken since, or whose journal is not here as far as it went then."""
    return tuple(tx.connection.execute(_WAITING).scalars())


def in_question(tx: Tx) -> tuple[PaymentKey, ...]:
    """Payments that are here and open, and of which our rows may not tell all."""
    rows = tx.connection.execute(_IN_QUESTION)
    return tuple(PaymentKey(terminal_id=row[0], order_no=row[1], n=row[2]) for row in rows)


def first_seq(tx: Tx) -> int:
    """Where the `state_seq` of a number begins that is new here: above all that a lost row was told with."""
    latest = tx.rows(_LATEST)[0][0]
    return 1 if latest is None else latest // 1000


def anything_lost(tx: Tx) -> bool:
    """Whether anything is in question."""
    return latest_open(tx) is not None or tx.connection.execute(_ANY_LOST).scalar_one() > 0


def order_may_be_lost(tx: Tx, terminal_id: str, *, made_ms: int | None) -> bool:
    """Whether an offline order that is not known here may have been begun. `made_ms`: None when its till's clock was
    not the gateway's."""
    return began_before(tx, terminal_id, None if made_ms is None else made_ms - ORDER_MARGIN_MS)


def began_before(tx: Tx, terminal_id: str, at_ms: int | None) -> bool:
    """Whether this till's rows may be lost and this moment, if known, was before that was found."""
    if _lost_through(tx, terminal_id) is None:
        return False
    latest = tx.rows(_LATEST)[0][0]
    return at_ms is None or latest is None or at_ms < latest


def may_be_lost(tx: Tx, key: PaymentKey) -> bool:
    """Whether a number that is not known here may have been taken by a gateway whose latest rows are lost."""
    through = _lost_through(tx, key.terminal_id)
    return through is not None and not journal.begun_after(tx, key, through)


def _question(tx: Tx, how: str, which: ColumnElement[bool], *, about: str, now_ms: int) -> None:
    now_s = now_ms // 1000
    ahead = case((_P.state_seq > now_s, _P.state_seq), else_=now_s)
    tx.connection.execute(_ADD, {"found_ms": now_ms, "how": how})
    tx.connection.execute(update(PAYMENTS).where(_UNDECIDED, which).values(state_seq=ahead + 1, in_question=1))
    alarm = Alarm(kind=AlarmKind.GATEWAY_RESTORED, detail=f"{how}; see `guitai gateway restored list`")
    alarms.raise_alarm(tx, alarm, about=about, now_ms=now_ms)


def _lost_through(tx: Tx, terminal_id: str) -> int | None:
    row = tx.row(_LOST, {"k_terminal": terminal_id})
    return None if row is None else row[0]
