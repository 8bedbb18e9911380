"""Terminals of the shop that no cashier stands at: those that ask over the line, and one that signs ORDERs.

Which of them a world has, and what they do in it. People look after what they leave behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proof.simulation.evidence import Evidence
from proof.simulation.faults import LineFaults
from proof.simulation.forging import forged_answer
from proof.simulation.gateway import GatewayHost
from proof.simulation.key_life import KeyLife
from proof.simulation.making import Around
from proof.simulation.phones import Phones
from proof.simulation.rogue import Impatient, Returner, Rogue
from proof.simulation.rogue_journal import Scribe
from proof.simulation.rogue_orders import OrderRogue
from proof.simulation.rogue_tenders import Doubler, Keeper
from proof.simulation.rogue_words import Quibbler
from proof.simulation.terminal import GATEWAY_URL
from protocol.numbers import TERMINAL_ID_BYTES, new_terminal_id
from sync.link.calls import Credentials

_ROGUES: Final[Mapping[str, type[Rogue]]] = {
    "rogue": Rogue,
    "impatient": Impatient,
    "returner": Returner,
    "quibbler": Quibbler,
    "scribe": Scribe,
    "doubler": Doubler,
    "keeper": Keeper,
}
#: Of the worlds in which money may come late.
_IMPATIENT: Final = 0.6
_KEEPER: Final = 0.5
#: Of those in which something goes wrong at all.
_RETURNER: Final = 0.25
_QUIBBLER: Final = 0.2
_SCRIBE: Final = 0.15
_DOUBLER: Final = 0.12
_SIGNER: Final = "rogue orders"
#: They are about what the gateway makes of what they tell it.
_OVER_A_GOOD_LINE: Final = frozenset({"doubler", "keeper"})

Broken = Callable[[str, str, str], None]


def strangers(around: Around) -> dict[str, Credentials]:
    """By the name of their chance. They believe the gateway's signatures as every till."""
    return {name: _stranger(around, name) for name in (*_ROGUES, _SIGNER)}


def make_rogues(
    around: Around,
    who: Mapping[str, Credentials],
    phones: Phones,
    gateway: GatewayHost,
    key_life: KeyLife,
    evidence: Evidence,
    broken: Broken,
) -> list[Rogue | OrderRogue]:
    """Those that are at work in this world."""
    profile = around.profile
    rates = {
        "rogue": profile.troubles.rogue,
        "impatient": _IMPATIENT if profile.late_money else 0.0,
        "returner": 0.0 if profile.faultless else _RETURNER,
        "quibbler": 0.0 if profile.faultless else _QUIBBLER,
        "scribe": 0.0 if profile.faultless else _SCRIBE,
        "doubler": 0.0 if profile.faultless else _DOUBLER,
        "keeper": _KEEPER if profile.late_money else 0.0,
        _SIGNER: profile.selling.rogue_orders,
    }
    if profile.troubles.restores.rate:
        return []  # what they demand of a gateway holds for one that forgets nothing
    here = [name for name, rate in rates.items() if rate and around.chance(f"{name} at all").random() < rate]
    around.unruly.update(who[name].terminal_id for name in here)
    rogues: list[Rogue | OrderRogue] = []
    for name, kind in _ROGUES.items():
        if name in here:
            faults = LineFaults() if name in _OVER_A_GOOD_LINE else profile.line
            wire = around.wire(name, faults, forge=forged_answer)
            rogues.append(kind(**_of_rogue(around, name, who[name], evidence, broken), wire=wire))
    if _SIGNER in here:
        signer = OrderRogue(
            **_of_rogue(around, _SIGNER, who[_SIGNER], evidence, broken),
            wire=around.wire(_SIGNER, LineFaults()),  # it is about what the gateway makes of ORDERs
            key=Ed25519PrivateKey.from_private_bytes(around.chance("rogue orders' key").randbytes(32)),
            phones=phones,
            gateway=gateway,
            evidence=evidence,
            spoil=key_life.spoil,
        )
        rogues.append(signer)
    return rogues


def _of_rogue(around: Around, name: str, who: Credentials, evidence: Evidence, broken: Broken) -> dict[str, Any]:
    return {
        "who": who,
        "serve": around.serve,
        "wallets": around.wallets,
        "chance": around.chance(name),
        "now_ms": evidence.gateway_ms,
        "sold": evidence.sale_of.__setitem__,
        "broken": broken,
        "others": partial(_others, evidence, who.terminal_id),
        "refunds": partial(_refunds, evidence, who.terminal_id),
        "up_since": evidence.gateway_up_since,
        "alarms": evidence.gateway.open_alarms,
        "chain": partial(evidence.gateway.chain, who.terminal_id),
    }


def _stranger(around: Around, name: str) -> Credentials:
    return Credentials(
        terminal_id=new_terminal_id(around.chance(f"{name} terminal").randbytes(TERMINAL_ID_BYTES)),
        gateway_url=GATEWAY_URL,
        key=around.signers.make_key(around.chance(f"{name} key").randbytes(32)),
        gateway_keys=around.known_keys,
    )


def _others(evidence: Evidence, terminal_id: str) -> list[str]:
    """Payments of other terminals."""
    return [number for number, row in evidence.rows.items() if row.terminal_id != terminal_id]


def _refunds(evidence: Evidence, terminal_id: str) -> list[tuple[str, str]]:
    """Refunds of other terminals, with their payments."""
    orders = evidence.orders
    return [
        (orders[refund.out_trade_no].payment_no, number)
        for number, refund in evidence.refunds.items()
        if refund.terminal_id != terminal_id and refund.out_trade_no in orders
    ]
