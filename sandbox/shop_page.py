"""How a phone without a screen reads a shop's cashier page: the facts that stand in its HTML, and what a press answers.

The page carries `<script type="application/json" id="guitai-page">{"press", "amount_fen", "state"}</script>`; a POST to
`press` answers `{"result", "bridge", "redirect", "status", "retry_after_ms"}`. Pure. Must not know: any wallet, HTTP.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, cast

_FACTS: Final = re.compile(
    rb"""<script\b(?=[^>]*\bid=["']?guitai-page\b)[^>]*>(?P<json>.*?)</script""", re.DOTALL | re.IGNORECASE
)
_LONGEST_WAIT_MS: Final = 60_000


class PageState(Enum):
    OPEN = "open"
    PAID = "paid"
    OVER = "over"
    WAIT = "wait"
    """Another customer is paying."""
    CHOOSE_APP = "choose_app"
    """This browser is no wallet that the shop takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFacts:
    state: PageState
    press: str | None = field(repr=False)
    """Where pressing pay posts to, relative to the page."""
    amount_fen: int | None
    """None: the customer types it."""


class PressResult(Enum):
    OPEN = "open"
    AGAIN = "again"
    WAIT = "wait"
    PAID = "paid"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class PressAnswer:
    """With neither `bridge` nor `redirect` the shop is still asking the wallet: press again."""

    result: PressResult
    bridge: Mapping[str, str] | None = field(repr=False)
    redirect: str | None = field(repr=False)
    retry_after_ms: int


def read_page(html: bytes) -> PageFacts | None:
    """None: this is not a cashier page."""
    found = _FACTS.search(html)
    said = None if found is None else _object(found["json"])
    if said is None:
        return None
    state = next((one for one in PageState if one.value == said.get("state")), None)
    if state is None:
        return None
    amount = said.get("amount_fen")
    return PageFacts(
        state=state,
        press=_text(said.get("press")),
        amount_fen=amount if isinstance(amount, int) and not isinstance(amount, bool) else None,
    )


def read_press(body: bytes) -> PressAnswer | None:
    """None: the answer is not one to a press."""
    said = _object(body)
    if said is None:
        return None
    result = next((one for one in PressResult if one.value == said.get("result")), None)
    if result is None:
        return None
    bridge = said.get("bridge")
    values = cast("dict[str, object]", bridge) if isinstance(bridge, dict) else None
    retry = said.get("retry_after_ms")
    return PressAnswer(
        result=result,
        bridge=None if values is None else {name: str(value) for name, value in values.items()},
        redirect=_text(said.get("redirect")),
        retry_after_ms=min(max(retry, 0), _LONGEST_WAIT_MS) if isinstance(retry, int) else 1_000,
    )


def _object(text: bytes) -> dict[str, object] | None:
    try:
        said: object = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, object]", said) if isinstance(said, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
