"""`guitai torture --syscalls`: one sale of a real till, killed by strace at each system call that writes or speaks, and
taken up again by the next program on its folder.

A call is killed as it begins: what was before it happened, it did not. Calls are counted for each thread by itself, so
the n-th of a name is a moment in every thread that comes so far. The sale is `guitai pay` against the shop of the
torture: sandbox wallets, a gateway, one till.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from typing import Any, Final

from proof.torture.phone import SandboxCalls
from proof.torture.programs import ProgramFailedError
from proof.torture.shop import Shop
from proof.torture.verdict import Verdict, judge_when_calm
from sync.engine.model import Line, LinkView, PaymentView, Published
from sync.till import open_till

#: What can change a file or reach another program.
CALLS: Final = (
    "pwrite64", "write", "writev", "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "unlink", "connect",
    "sendto", "sendmsg",
)  # fmt: skip
_SALE_WITHIN_S: Final = 120.0
_RESUME_WITHIN_S: Final = 90.0
_CALM_WITHIN_S: Final = 60.0


class StraceMissingError(Exception):
    """This computer has no strace, or it may not trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """`points`: how many `(call, n)` one whole sale has; `kills`: at how many of them it was killed, by call."""

    seed: int
    points: int
    kills: dict[str, int]
    seconds: float
    verdict: Verdict
    complaints: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return self.verdict.clean and not self.complaints

    def as_values(self) -> dict[str, Any]:
        values = asdict(self)
        verdict = values.pop("verdict")
        return {**verdict, **values, "killed": sum(self.kills.values()), "ok": self.clean}


def strace_trouble() -> str | None:
    """Why nothing can be traced here; None: it can."""
    if sys.platform != "linux":
        return "system calls are traced on Linux only"
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(
        ("strace", "-f", "-o", os.devnull, "-e", "trace=fsync", "true"), capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


def kill_one_sale(*, limit: int | None, seed: int, progress: Callable[[int, int], None]) -> Killed:
    """Kills the sale at each point, or at `limit` of them, drawn over all; looks at the money after each."""
    trouble = strace_trouble()
    if trouble is not None:
        raise StraceMissingError(trouble)
    folder = Path(tempfile.mkdtemp(prefix="guitai-torture-"))
    began = time.monotonic()
    shop = Shop(folder / "shop", tills=1)
    try:
        shop.open(selling=False)
        points = _points_of(_traced_sale(shop, folder))
        chosen = points if limit is None or limit >= len(points) else _drawn(points, limit, Random(seed))
        kills: Counter[str] = Counter()
        complaints: list[str] = []
        for number, (call, n) in enumerate(chosen, start=1):
            if _killed_sale(shop, call, n):
                kills[call] += 1
            if not _taken_up(shop):
                complaints.append(f"{call} {n}: not settled within {_RESUME_WITHIN_S:.0f} s of the next start")
            progress(number, len(chosen))
        verdict, _ = judge_when_calm(shop, within_s=time.monotonic() - shop.gateway.ready_s + _CALM_WITHIN_S)
        return Killed(
            seed=seed,
            points=len(points),
            kills=dict(sorted(kills.items())),
            seconds=round(time.monotonic() - began, 1),
            verdict=verdict,
            complaints=(*verdict.complaints, *complaints),
        )
    finally:
        shop.close()
        shutil.rmtree(folder, ignore_errors=True)


def _points_of(trace: str) -> list[tuple[str, int]]:
    """From `strace -f -o`: the highest count of each call in any thread. A line begins with the thread's id."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in trace.splitlines():
        thread, _, rest = line.partition(" ")
        call = rest.strip().partition("(")[0]
        if call in CALLS:
            counts[thread, call] += 1
    most = {call: max((n for (_, one), n in counts.items() if one == call), default=0) for call in CALLS}
    return [(call, n) for call in CALLS for n in range(1, most[call] + 1)]


def _drawn(points: Sequence[tuple[str, int]], limit: int, chance: Random) -> list[tuple[str, int]]:
    """Each call's first, as far as they go, and others by chance."""
    first = [point for point in points if point[1] == 1][:limit]
    rest = [point for point in points if point not in first]
    return sorted({*first, *chance.sample(rest, limit - len(first))}, key=points.index)


def _traced_sale(shop: Shop, folder: Path) -> str:
    """One sale that nobody kills; what it called."""
    trace = folder / "trace"
    done = _strace(shop, ("-o", str(trace), "-e", f"trace={','.join(CALLS)}"))
    if done != 0:
        raise ProgramFailedError(f"the sale that nobody kills ended with {done}")
    return trace.read_text(encoding="utf-8", errors="replace")


def _killed_sale(shop: Shop, call: str, n: int) -> bool:
    """False: it came to its end before it was to be killed."""
    what = ("-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={n}")
    return _strace(shop, what) in (-signal.SIGKILL, 128 + signal.SIGKILL)


def _strace(shop: Shop, options: Sequence[str]) -> int:
    code = SandboxCalls(shop.sandbox_url).post("/phone/codes", {"wallet": "alipay", "script": "pay"})["auth_code"]
    pay = ("pay", "--amount", "1.23", "--code", str(code), "--data-dir", str(shop.folder / "till1"), "--json")
    with subprocess.Popen(
        ("strace", "-f", "-qq", *options, sys.executable, "-m", "guitai", *pay),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return process.wait(_SALE_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise ProgramFailedError("a sale under strace did not end") from None


def _taken_up(shop: Shop) -> bool:
    """The next program on the folder; True once nothing is open and everything is delivered."""
    views: SimpleQueue[Published] = SimpleQueue()
    opened: set[str] = set()
    till = open_till(shop.folder / "till1", publish=views.put, ballast_bytes=0)
    try:
        ends_s = time.monotonic() + _RESUME_WITHIN_S
        while time.monotonic() < ends_s:
            try:
                view = views.get(timeout=0.5)
            except Empty:
                continue
            match view:
                case PaymentView():
                    (opened.discard if view.state.final else opened.add)(view.payment_no)
                case LinkView() if view.line is Line.UP and view.unsent == 0 and not opened:
                    return True
                case _:
                    continue
        return False
    finally:
        till.close()
