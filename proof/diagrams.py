"""Draws the state tables of protocol/states.py as Mermaid diagrams and keeps ARCHITECTURE.md true.

`python -m proof.diagrams ARCHITECTURE.md` rewrites what stands between the markers; a test compares. Knows the tables
and nothing about how they are used.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from protocol.states import (
    GATEWAY_TABLE,
    REFUND_TABLE,
    TERMINAL_TABLE,
    GatewayState,
    RefundState,
    TerminalState,
)

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)

_BLOCK: Final = "<!-- states:{name} -->\n{body}<!-- /states:{name} -->"


def mermaid(table: Mapping[State, Mapping[Event, StrEnum]], starts: tuple[State, ...], states: type[State]) -> str:
    """The moves of one table; events that lead the same way share an arrow, events that are no move are left out."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for source, row in table.items():
        for event, target in row.items():
            if isinstance(target, states):
                arrows.setdefault((source.value, target.value), []).append(event.value)
    lines = [f"    [*] --> {start.value}" for start in starts]
    lines += [f"    {source} --> {target}: {', '.join(events)}" for (source, target), events in arrows.items()]
    final = [s.value for s in states if not any(source == s.value for source, _ in arrows)]
    lines += [f"    {state} --> [*]" for state in final]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```", ""])


def diagrams() -> dict[str, str]:
    """Each diagram by the name of its marker."""
    return {
        "gateway": mermaid(GATEWAY_TABLE, (GatewayState.CREATED,), GatewayState),
        "terminal": mermaid(TERMINAL_TABLE, (TerminalState.SENDING, TerminalState.AWAITING_PROOF), TerminalState),
        "refund": mermaid(REFUND_TABLE, (RefundState.CREATED,), RefundState),
    }


def refreshed(text: str) -> str:
    """The document with every marked block drawn anew."""
    for name, body in diagrams().items():
        block = _BLOCK.format(name=name, body=body)
        pattern = re.compile(rf"<!-- states:{name} -->.*?<!-- /states:{name} -->", re.DOTALL)
        text = pattern.sub(lambda _, block=block: block, text)
    return text


def main(arguments: list[str]) -> None:
    for name in arguments:
        path = Path(name)
        path.write_text(refreshed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
