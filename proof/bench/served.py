"""The real gateway process, on the cores that it is given, with or without meters: those take a tenth of it.

`python -m proof.bench.served metered|plain DATABASE [CORES]`: serves like `guitai gateway serve`; each line on its
standard input is answered with one JSON line: the CPU of the process and of each part so far, and how late each task
was taken since the last line.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.api import answers, service
from gateway.channels.alipay import keys, requests
from gateway.channels.http import HttpExchange
from gateway.jobs.desk import Desk
from gateway.jobs.scheduler import Scheduler
from gateway.serve import print_ready, serve_forever
from gateway.store import tasks
from gateway.store.runners import ThreadedStore
from gateway.store.tasks import Task
from gateway.store.units import Tx
from proof.bench.cores import stay_on
from proof.bench.meters import Meters

METERED: Final = "metered"
PLAIN: Final = "plain"
RSA: Final = "rsa"
ED25519: Final = "ed25519"
STORE: Final = "store"
HTTP_OUT: Final = "http_out"
RULES: Final = "rules"
PARTS: Final = (HTTP_OUT, RSA, ED25519, STORE, RULES)


def metered(meters: Meters) -> None:
    """What no part claims is HTTP in and the event loop."""
    meters.meter(requests, "sign", RSA)
    meters.meter(keys, "verifies", RSA)
    meters.meter(service, "verify_request", ED25519)
    meters.meter(answers, "sign_response", ED25519)
    meters.meter(ThreadedStore, "_commit", STORE)
    meters.meter_steps(HttpExchange, "__call__", HTTP_OUT)
    meters.meter_steps(service.GatewayService, "handle", RULES)
    for name in ("pay", "ask_for_qr", "work"):
        meters.meter_steps(Desk, name, RULES)
    meters.meter_steps(Scheduler, "tick", RULES)


def noted(lags: list[int]) -> Callable[[], None]:
    """From now on `lags` gets how long after its time each task was taken; until what is returned is called."""
    inner: Callable[..., set[str]] = tasks.lease_work

    def lease_work(tx: Tx, due: Sequence[Task], *, owner: str, now_ms: int, until_ms: int) -> set[str]:
        taken = inner(tx, due, owner=owner, now_ms=now_ms, until_ms=until_ms)
        lags.extend(now_ms - task.due_ms for task in due if task.ref in taken)
        return taken

    setattr(tasks, "lease_work", lease_work)  # noqa: B010 - the same name for everybody
    return lambda: setattr(tasks, "lease_work", inner)


def _tell(meters: Meters, lags: list[int]) -> None:
    for _ in sys.stdin:
        taken, lags[:] = list(lags), []
        said: dict[str, Any] = {**meters.as_values(), "lags_ms": taken}
        print(json.dumps(said), flush=True)  # noqa: T201 - what the program that started it waits for


if __name__ == "__main__":
    how, database, *cores = sys.argv[1:]
    stay_on(cores)
    counted, late = Meters(), list[int]()
    if how == METERED:
        metered(counted)
    noted(late)
    threading.Thread(target=_tell, args=(counted, late), name="bench-marks", daemon=True).start()
    sys.exit(serve_forever(database=database, ready=print_ready))
