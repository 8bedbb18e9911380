"""Defects of what a till makes of proofs and of typed codes: SAFETY.md section 3, 5 to 7.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

_SETTLES: Final = "            return Reason.PROOF_CANCELLED if record.cancel_intended and paid else None"

PROOFS: Final = (
    Defect(
        name="a copied disk believes proofs",
        trips=by("a_copy_believes_no_proof"),
        file="sync/engine/proofs.py",
        old="    if not ground.anchored:\n        return Reason.ANCHOR_FAILED\n    taken",
        new="    taken",
    ),
    Defect(
        name="a proof is signed by the next key",
        trips=by("a_proof_is_signed"),
        file="gateway/jobs/offline_proofs.py",
        old="    key = ring.signing(order.kid, now_ms=now_ms)",
        new="    key = ring.next",
    ),
    Defect(
        name="every typed code is right",
        trips=by("a_typed_code_frees_its_order", "paid_is_true"),
        file="sync/offline_desk.py",
        old="        right = code is not None and frees(",
        new="        right = code is not None or frees(",
    ),
    Defect(
        name="a try is not journaled",
        trips=by("a_try_is_counted_first"),
        file="sync/engine/proofs.py",
        old="    turn.state_it(live, CodeTried(payment_no=command.payment_no, operator=command.operator))\n",
        new="",
    ),
    Defect(
        name="an order has thirty tries",
        trips=by("a_code_has_three_tries"),
        file="sync/engine/offline_record.py",
        old="ORDER_TRIES = 3",
        new="ORDER_TRIES = 30",
    ),
    Defect(
        name="a shift has a hundred tries",
        trips=by("a_code_has_three_tries"),
        file="sync/engine/offline_record.py",
        old="SHIFT_TRIES = 10",
        new="SHIFT_TRIES = 100",
    ),
    Defect(
        name="codes typed at once free more than a shift may",
        trips=by("a_typed_order_is_small"),
        file="sync/engine/proofs.py",
        old="    if not ground.anchored:\n        return Reason.ANCHOR_FAILED\n    return Reason.TYPED_SHIFT_AMOUNT if",
        new="    return Reason.TYPED_SHIFT_AMOUNT if not ground.anchored and",
    ),
    Defect(
        name="the index of a code is given again",
        trips=by("no_code_for_two", "a_right_code_is_taken", "paid_is_true"),
        file="sync/engine/offline.py",
        old="    return max(ground.book.last_release, ground.floor_release)",
        new="    return 0",
    ),
    Defect(
        name="the page shows a code for what is too much",
        trips=by("a_code_is_shown_for_its_order"),
        file="gateway/jobs/offline_proofs.py",
        old=" or order.amount_fen > TYPED_ORDER_LIMIT_FEN",
        new="",
    ),
    Defect(
        name="an index that two orders name frees both",
        trips=by("a_code_is_shown_for_its_order"),
        file="gateway/jobs/offline_proofs.py",
        old="    if offline.release_used_by_another(tx, this):\n        return None\n",
        new="",
    ),
    Defect(
        name="the bitmap reaches back three orders",
        trips=by("an_order_tells_of_the_cancelled", "the_bitmap_is_believed"),
        file="protocol/offline/order.py",
        old="BITMAP_ORDERS: Final = 16",
        new="BITMAP_ORDERS: Final = 3",
    ),
    Defect(
        name="the bitmap names what nobody cancelled",
        trips=by("an_order_tells_of_no_other"),
        file="sync/engine/offline.py",
        old="    places = (oseq - 1 - earlier for earlier in ground.book.cancelled)",
        new="    places = (0, *(oseq - 1 - earlier for earlier in ground.book.cancelled))",
    ),
    Defect(
        name="a good proof is called settled",
        trips=by("a_refusal_is_true", "a_right_code_is_taken"),
        file="sync/engine/proofs.py",
        old=_SETTLES,
        new=_SETTLES + " or (Reason.PROOF_SETTLED if record.amount.fen % 7 == 0 else None)",
    ),
    Defect(
        name="a good proof is called used",
        trips=by("a_refusal_is_true", "a_right_code_is_taken"),
        file="sync/engine/proofs.py",
        old=_SETTLES,
        new=_SETTLES + " or (Reason.PROOF_USED if record.amount.fen % 7 == 0 else None)",
    ),
    Defect(
        name="a till shows an ORDER over any amount",
        trips=by("a_till_keeps_the_limit"),
        file="sync/engine/offline.py",
        old="    return Reason.OFFLINE_AMOUNT if kit is not None and amount.fen > kit.order_limit_fen else None",
        new="    return None",
    ),
)
