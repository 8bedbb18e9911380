"""Unsigned pages for operations: alive, ready, metrics in Prometheus' text form, and the OpenAPI document.

They say counts and nothing about anybody's payment. `ready` asks the store, `alive` does not.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import PlainTextResponse, Response

from gateway.api.openapi import document
from gateway.callbacks.metrics import callback_metrics
from gateway.core import Gateway
from gateway.ports import Clock
from gateway.routing.health import HealthState
from gateway.store.counts import Counts, counts
from gateway.store.units import StoreFailed

Page = Callable[[], Awaitable[Response]]


def pages(gateway: Gateway, clock: Clock) -> dict[str, Page]:
    """The pages by path."""
    openapi = json.dumps(document(), ensure_ascii=False).encode()

    async def alive() -> Response:
        return PlainTextResponse("ok\n")

    async def ready() -> Response:
        try:
            await gateway.store.run(lambda tx: counts(tx, now_ms=clock.now_ms()))
        except StoreFailed:
            return PlainTextResponse("the store failed\n", status_code=503)
        return PlainTextResponse("ready\n")

    async def metrics() -> Response:
        found = await gateway.store.run(lambda tx: counts(tx, now_ms=clock.now_ms()))
        text = metrics_text(found, gateway.service.counts, now_ms=clock.now_ms(), lag_ms=gateway.scheduler.lag_ms)
        text += "\n".join(health_metrics(gateway.router.states(now_ms=clock.now_ms()))) + "\n"
        text += "\n".join(callback_metrics(gateway.callbacks, now_ms=clock.now_ms())) + "\n"
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def described() -> Response:
        return Response(openapi, media_type="application/json")

    return {"/healthz": alive, "/readyz": ready, "/metrics": metrics, "/openapi.json": described}


def metrics_text(found: Counts, requests: dict[tuple[str, int], int], *, now_ms: int, lag_ms: int) -> str:
    """Prometheus text: gauges first, then the counter of requests."""
    overdue_ms = 0 if found.oldest_due_ms is None else max(0, now_ms - found.oldest_due_ms)
    lines = [
        "# TYPE guitai_open_payments gauge",
        f"guitai_open_payments {found.open_payments}",
        "# TYPE guitai_tasks gauge",
        f"guitai_tasks {found.tasks}",
        "# TYPE guitai_task_lag_seconds gauge",
        f"guitai_task_lag_seconds {max(lag_ms, overdue_ms) / 1000:.3f}",
        "# TYPE guitai_alarms_open gauge",
        *(f'guitai_alarms_open{{kind="{kind}"}} {count}' for kind, count in sorted(found.alarms.items())),
        "# TYPE guitai_requests_total counter",
        *(
            f'guitai_requests_total{{call="{call}",status="{status}"}} {count}'
            for (call, status), count in sorted(requests.items())
        ),
    ]
    return "\n".join(lines) + "\n"


_HEALTH: Final = {HealthState.CLOSED: "1", HealthState.HALF_OPEN: "0.5", HealthState.OPEN: "0"}


def health_metrics(states: Mapping[str, HealthState]) -> list[str]:
    """1 is healthy, 0.5 is being probed, 0 is left alone."""
    return [
        "# TYPE guitai_account_health gauge",
        *(f'guitai_account_health{{account="{name}"}} {_HEALTH[state]}' for name, state in sorted(states.items())),
    ]
