"""The callback gateway's lines of `/metrics`, in Prometheus' text form: counts, and how long each wallet is silent."""

from __future__ import annotations

from gateway.callbacks.gateway import CallbackGateway


def callback_metrics(gateway: CallbackGateway, *, now_ms: int) -> list[str]:
    return [
        "# TYPE guitai_callbacks_total counter",
        *(
            f'guitai_callbacks_total{{channel="{channel}",outcome="{outcome.value}"}} {count}'
            for (channel, outcome), count in sorted(gateway.counts.items())
        ),
        "# TYPE guitai_callback_age_seconds gauge",
        *(
            f'guitai_callback_age_seconds{{account="{account_id}"}} {max(0, now_ms - at_ms) / 1000:.3f}'
            for account_id, at_ms in sorted(gateway.latest_ms.items())
        ),
    ]
