"""What a tortured shop is judged by: the rules that the simulation asks when all is calm, over the real files."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from proof.simulation.calm import WHEN_CALM
from proof.simulation.evidence import Evidence, GatewayFile
from proof.simulation.money_rules import one_charge_kept_per_sale
from proof.simulation.till_evidence import TillFile, TillSight
from proof.torture.shop import Shop
from protocol.states import RefundState, TerminalState
from sandbox.wallet import OrderMoney
from sync.journal.connection import open_reading
from sync.journal.verify import verify


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`lost`: taken at the wallet and not PAID at the till, or the other way round. `double`: sales charged twice.
    `refunds` counts those that came to their end and moved money; `wallets`, orders at each wallet."""

    orders: int
    payments: int
    paid: int
    refunds: int
    wallets: dict[str, int]
    lost: int
    double: int
    entries: int
    complaints: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not self.lost and not self.double and not self.complaints


def judge(shop: Shop) -> Verdict:
    """Looks once."""
    money = shop.money()
    with ExitStack() as files:
        gateway = files.enter_context(closing(GatewayFile(shop.database)))
        tills = {
            name: TillSight(
                name=name,
                terminal_id=shop.terminal_id(name),
                file=files.enter_context(closing(TillFile(shop.journal(name)))),
            )
            for name in shop.tills
        }
        evidence = _evidence(gateway, tills, money)
        complaints = [f"{rule.__name__}: {about}: {what}" for rule in WHEN_CALM for about, what in rule(evidence)]
        complaints += [_verified(shop.journal(till.name), till.terminal_id) for till in tills.values()]
        double = [c for number in money for c in one_charge_kept_per_sale(evidence, number)]
        records = [record for till in tills.values() for record in till.file.payments().values()]
        paid = {record.payment_no for record in records if record.state is TerminalState.PAID}
        # What a customer brought back was taken first.
        taken = {n for n in evidence.rows if evidence.kept_of(n) + evidence.refunded_of(n) > 0}
        return Verdict(
            orders=len({record.order_no for record in records}),
            payments=len(records),
            paid=len(paid),
            refunds=sum(refund.state is RefundState.DONE for refund in gateway.refunds().values()),
            wallets=dict(sorted(Counter(o.account_id for o in gateway.channel_orders().values()).items())),
            lost=len(paid ^ taken),
            double=len({about for about, _ in double}),
            entries=sum(len(till.file.chain()) for till in tills.values()),
            complaints=tuple(filter(None, complaints)),
        )


def judge_when_calm(shop: Shop, *, within_s: float) -> tuple[Verdict, float]:
    """Looks until all is well or `within_s` after the gateway was back; also says how long after it that was."""
    while True:
        verdict = judge(shop)
        took = time.monotonic() - shop.gateway.ready_s
        if verdict.clean or took > within_s:
            return verdict, took
        time.sleep(1.0)


def started_payments(shop: Shop) -> int:
    """How many payments the tills have begun until now."""
    return sum(_count(shop.journal(name)) for name in shop.tills)


def _count(journal: Path) -> int:
    with closing(open_reading(journal)) as connection:
        found: int = connection.execute("select count(*) from payment").fetchone()[0]
    return found


def _evidence(gateway: GatewayFile, tills: dict[str, TillSight], money: dict[str, OrderMoney]) -> Evidence:
    evidence = Evidence(gateway=gateway, tills=tills, money=money.get, now_ms=lambda: 0, strict=True, faultless=False)
    evidence.rows = gateway.payments()
    for till in tills.values():
        for record in till.file.payments().values():
            evidence.sale_of[record.order_no] = record.sale_id
    return evidence


def _verified(journal: Path, terminal_id: str) -> str:
    with closing(open_reading(journal)) as connection:
        verdict = verify(connection, terminal_id)
    return "" if verdict.broken is None else f"journal_verify: {terminal_id}: {verdict.broken} at {verdict.seq}"
