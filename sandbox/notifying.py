"""A wallet's notifications to the shop: what is due, how each delivery went, when the next try is.

One book for each wallet, with its published schedule of retries. The bytes are built and signed at each sending (a
wallet's builder is called then), so that the time in a retry is the retry's own. Deliveries of one notification keep
one notification id, by whatever field the wallet has for it. Must not know: any wallet's words, HTTP clients.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sandbox.plan import CallbackPlan, Forgery
from sandbox.wallet import Outgoing

_S, _M, _H = 1_000, 60_000, 3_600_000

WECHAT_RETRIES_MS = (
    *(15 * _S, 15 * _S, 30 * _S, 3 * _M, 10 * _M, 20 * _M, 30 * _M, 30 * _M, 30 * _M, 60 * _M),
    *(3 * _H, 3 * _H, 3 * _H, 6 * _H, 6 * _H),
)
ALIPAY_RETRIES_MS = (4 * _M, 10 * _M, 10 * _M, 1 * _H, 2 * _H, 6 * _H, 15 * _H)
UNIONPAY_RETRIES_MS = (1 * _M, 5 * _M, 10 * _M, 30 * _M, 60 * _M)
"""UnionPay publishes none: a setting of the simulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a builder needs to know of one delivery."""

    now_ms: int
    forgery: Forgery | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """The signed request of one delivery. The body may name a payer, so it stays out of repr."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Build: TypeAlias = Callable[[Sending], Letter]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Notice:
    plan: CallbackPlan
    build: Build
    due_ms: int | None
    """When the next delivery goes out; None: handed out and not answered yet, or finished."""
    tries: int = 0
    """Deliveries handed out, copies counted once."""
    received: bool = False


class NotificationBook:
    """`retries_ms`: the gaps between a delivery that was not acknowledged and the next."""

    def __init__(self, retries_ms: tuple[int, ...]) -> None:
        self._retries_ms = retries_ms
        self._notices: dict[str, _Notice] = {}
        self._coming: list[tuple[int, int, str]] = []
        """A heap of moments, turns and ids: each try that is due once, unless an answer to a copy came before it."""
        self._turns = 0

    def add(self, notice_id: str, *, plan: CallbackPlan, build: Build, happened_ms: int) -> None:
        """Something happened that the shop is to be told of. The same id again changes nothing."""
        due_ms = None if plan.lost else happened_ms + plan.late_ms
        if notice_id not in self._notices:
            self._keep(notice_id, _Notice(plan=plan, build=build, due_ms=due_ms))

    def due(self, now_ms: int) -> tuple[Outgoing, ...]:
        """Deliveries to make now; each is handed out once. Without an answer there is no next try: an edge that gets
        none says so with `answered`."""
        letters: list[Outgoing] = []
        while (soonest_ms := self.next_ms()) is not None and soonest_ms <= now_ms:
            notice_id = heapq.heappop(self._coming)[2]
            notice = self._notices[notice_id]
            copies = notice.plan.copies if notice.tries == 0 else 1
            letter = notice.build(Sending(now_ms=now_ms, forgery=notice.plan.forgery))
            hurried = notice.plan.before_answer and notice.tries == 0
            letters += [
                Outgoing(
                    id=f"{notice_id}/{notice.tries + 1}.{copy}",
                    url=letter.url,
                    headers=letter.headers,
                    body=letter.body,
                    before_answer=hurried,
                )
                for copy in range(1, copies + 1)
            ]
            self._notices[notice_id] = replace(notice, due_ms=None, tries=notice.tries + 1)
        return tuple(letters)

    def answered(self, delivery_id: str, *, acknowledged: bool, now_ms: int) -> None:
        """How a delivery went. Acknowledged once, by any copy, it never comes again."""
        notice_id = delivery_id.rpartition("/")[0]
        notice = self._notices.get(notice_id)
        if notice is None or notice.received:
            return
        if acknowledged:
            self._notices[notice_id] = replace(notice, due_ms=None, received=True)
        elif notice.due_ms is None and notice.tries <= len(self._retries_ms):
            self._keep(notice_id, replace(notice, due_ms=now_ms + self._retries_ms[notice.tries - 1]))

    def next_ms(self) -> int | None:
        """When the next delivery is due."""
        while self._coming:
            due_ms, _, notice_id = self._coming[0]
            if self._notices[notice_id].due_ms == due_ms:
                return due_ms
            heapq.heappop(self._coming)
        return None

    def _keep(self, notice_id: str, notice: _Notice) -> None:
        self._notices[notice_id] = notice
        if notice.due_ms is not None:
            self._turns += 1
            heapq.heappush(self._coming, (notice.due_ms, self._turns, notice_id))
