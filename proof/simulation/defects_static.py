"""Defects of a store's printed QR: what it takes is listed, heard of, rung for, and acknowledged by who rang.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

STATIC: Final = (
    Defect(
        name="what was journaled is taken for rung",
        trips=by("what_is_acknowledged_was_rung_for"),
        file="sync/engine/ringing.py",
        old="        if ring.rung < paid.seq <= ring.seen:\n",
        new="        if ring.rung < paid.seq < ring.seen:\n",
        profile="static",
    ),
    Defect(
        name="a bell is not journaled",
        trips=by("a_ring_is_journaled_first"),
        file="sync/engine/turn.py",
        old="""QR took money, then rings.\"\"\"
        self._appends.append(Append(statement=statement))
""",
        new="""QR took money, then rings.\"\"\"
""",
        profile="static",
    ),
    Defect(
        name="the last payment of a printed QR stays unnoticed",
        trips=by("what_the_static_qr_took_is_noticed", "nobody_is_needed"),
        file="gateway/store/pages.py",
        old='_S.seq <= bindparam("k_through"), PAYMENTS',
        new='_S.seq < bindparam("k_through"), PAYMENTS',
        profile="static",
    ),
    Defect(
        name="a till's list of the printed QR leaves one out",
        trips=by("no_ring_is_skipped", "what_the_static_qr_took_is_noticed", "what_is_acknowledged_was_rung_for"),
        file="gateway/store/pages.py",
        old='_S.seq > bindparam("k_after"))\n    .order_by(_S.seq)\n    .limit(',
        new='_S.seq > bindparam("k_after") + 1)\n    .order_by(_S.seq)\n    .limit(',
        profile="static",
    ),
    Defect(
        name="a till that looks begins at the end",
        trips=by("what_the_static_qr_took_is_noticed", "what_is_acknowledged_was_rung_for"),
        file="gateway/api/static_paid.py",
        old="    return waiting[0][0] - 1 if waiting else last\n",
        new="    return last if waiting else last\n",
        profile="static",
    ),
    Defect(
        name="a bell tells another amount",
        trips=by("a_ring_is_of_money_that_came"),
        file="gateway/api/static_paid.py",
        old="                amount_fen=one.amount_fen,\n",
        new="                amount_fen=max(1, one.amount_fen // 100),\n",
        profile="static",
    ),
    Defect(
        name="a printed QR that was renewed is still good",
        trips=by("an_old_printed_qr_takes_nothing"),
        file="gateway/store/pages.py",
        old='.where(_T.token == bindparam("k_token"), _T.revoked_ms.is_(None))',
        new='.where(_T.token == bindparam("k_token"))',
        profile="static",
    ),
    Defect(
        name="some of what a printed QR took is not listed",
        trips=by("what_the_static_qr_took_is_told_once", "nobody_is_needed"),
        file="gateway/store/pages.py",
        old="    if not payment.page:\n        return\n",
        new="    if not payment.page or payment.amount_fen % 2:\n        return\n",
        profile="static",
    ),
)
