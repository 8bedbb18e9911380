"""All planted defects. At least forty; each is found within `planted.MOST_SEEDS` seeds of its profile."""

from __future__ import annotations

from typing import Final

from proof.simulation.defects_blind import BLIND
from proof.simulation.defects_cases import CASES
from proof.simulation.defects_counter import COUNTER
from proof.simulation.defects_doors import DOORS
from proof.simulation.defects_first import FIRST
from proof.simulation.defects_gateway import GATEWAY
from proof.simulation.defects_odd import ODD
from proof.simulation.defects_offline import OFFLINE
from proof.simulation.defects_orders import ORDERS
from proof.simulation.defects_paces import PACES
from proof.simulation.defects_proofs import PROOFS
from proof.simulation.defects_refunds import REFUNDS
from proof.simulation.defects_restored import RESTORED
from proof.simulation.defects_static import STATIC
from proof.simulation.defects_tenders import TENDERS
from proof.simulation.defects_till import TILL
from proof.simulation.defects_waits import WAITS
from proof.simulation.defects_words import WORDS

DEFECTS: Final = (
    *(*FIRST, *GATEWAY, *DOORS, *PACES, *REFUNDS, *TILL),
    *(*CASES, *COUNTER, *ODD, *OFFLINE, *ORDERS, *PROOFS),
    *(*RESTORED, *STATIC, *TENDERS, *WAITS, *WORDS, *BLIND),
)
