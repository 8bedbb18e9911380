"""The full flow over real loopback HTTP: a signed scan in, a signed call to the wallet, PAID read by a long poll.

The gateway has one core to itself, the wallet and the counters have the others. Ours is the gateway's processor time
for one payment: a busy machine slows the clock on the wall far more than that. The reference does what nobody can leave
out, on the same libraries, core and load (proof/bench/bare.py). Payments in a second and each part's share of the
processor are reported. The wallet is a lean stand-in (proof/bench/wallet.py): the sandbox would be what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

from gateway.keys import load_keys
from gateway.system import SystemEntropy
from proof.bench.cores import shared_out, staying_on
from proof.bench.ground import make_database, new_tills
from proof.bench.load import check_paid, make_flows, run_flows
from proof.bench.measure import Measured, interleaved
from proof.bench.served import METERED, PARTS, PLAIN
from proof.torture.programs import Program

BOUND: Final = 2.5
#: What the gateway is meant to do on one core.
TARGET_PER_S: Final = 500
_TILLS: Final = 8
#: Counters with a scan under way: as many as keep the gateway busy.
_AT_ONCE: Final = 128
_WITHIN_S: Final = 20.0


async def measure_flow(folder: Path, *, rounds: int, payments: int = 1_000) -> Measured:
    """Medians of `rounds` blocks of `payments` payments each; the shares are of one more block, under meters."""
    mine, others = shared_out()
    with ExitStack() as ended:
        ended.enter_context(staying_on(others))
        wallet = started(ended, Program("wallet", "proof.bench.wallet", others, log_folder=folder))
        tills, database = new_tills(_TILLS), folder / "gateway.db"
        await asyncio.to_thread(make_database, database, tills, wallet.said)
        keys = load_keys(database.with_name(database.name + ".keys"), SystemEntropy())
        bare_arguments = (str(wallet.said["port"]), str(folder / "bare.db"), *mine)
        bare = started(ended, Program("bare", "proof.bench.bare", bare_arguments, log_folder=folder))
        ours_per_s: list[float] = []
        bare_per_s: list[float] = []

        async def block(gateway: Program) -> tuple[float, Mapping[str, float]]:
            """Payments in a second, and µs of each part for one."""
            authority = str(gateway.said["gateway"]).removeprefix("http://")
            flows, before = make_flows(payments, tills, authority), marked(gateway)
            took_s, heard = await run_flows(flows, authority, at_once=_AT_ONCE)
            after = marked(gateway)
            check_paid(heard, {keys.http_kid: keys.http.public_key()})
            return payments / took_s, cpu_by_part(before, after, payments)

        async def reference() -> float:
            authority = f"127.0.0.1:{bare.said['port']}"
            flows, before = make_flows(payments, tills, authority), marked(bare)
            took_s, _ = await run_flows(flows, authority, at_once=_AT_ONCE)
            bare_per_s.append(payments / took_s)
            return (marked(bare)["process_ns"] - before["process_ns"]) / payments / 1e6

        def served(how: str) -> Program:
            return Program("gateway", "proof.bench.served", (how, str(database), *mine), log_folder=folder)

        with ExitStack() as measured:
            plain = started(measured, served(PLAIN))

            async def ours() -> float:
                per_s, cpu_us = await block(plain)
                ours_per_s.append(per_s)
                return sum(cpu_us.values()) / 1000

            ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds, warm=1)
        metered = started(ended, served(METERED))
        await block(metered)
        _, shares_us = await block(metered)
    return Measured(
        name="flow",
        reference="processor time of the same exchanges, signatures and one durable insert, on the same core",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
        reported={
            "payments_per_s": round(median(ours_per_s[1:]), 1),
            "target_per_s": TARGET_PER_S,
            "reference_per_s": round(median(bare_per_s[1:]), 1),
            **{f"{part}_cpu_us": round(cpu_us, 1) for part, cpu_us in shares_us.items()},
        },
    )


def started(ended: ExitStack, program: Program) -> Program:
    """Started, ready, and ended with the stack."""
    program.start()
    ended.callback(program.end)
    program.ready()
    return program


def marked(program: Program) -> Mapping[str, Any]:
    """The program's counters now."""
    program.tell("mark")
    return program.next_line(_WITHIN_S)


def cpu_by_part(before: Mapping[str, Any], after: Mapping[str, Any], count: int) -> dict[str, float]:
    """µs of each part for one of `count`; `http_in` is what no part claims: HTTP in and the event loop."""
    parts = {part: (after["cpu_ns"].get(part, 0) - before["cpu_ns"].get(part, 0)) / count / 1000 for part in PARTS}
    whole = (after["process_ns"] - before["process_ns"]) / count / 1000
    return {"http_in": whole - sum(parts.values()), **parts}
