"""The offline kit: fetched while the line is up, so that it is there when the line is not; and the till's standing.

It is asked for at the start, once a day, when typed codes run low and after a new activation. Nothing waits for it. Its
answer also says that the gateway takes new payments of this terminal (again): it is the probe of a till that was
stopped.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from protocol.keys import read_public
from protocol.messages import OfflineKit
from protocol.offline.typed_code import LAST_INDEX, REFILL_BELOW
from protocol.reasons import Reason
from sync.engine.events import (
    AcceptedAnswer,
    Answer,
    Call,
    KitAnswer,
    KitCall,
    ProblemAnswer,
    RefundAnswer,
    SilentAnswer,
    StatusAnswer,
    StoreAnswer,
)
from sync.engine.line import STANDING_REFUSALS
from sync.engine.schedule import UNKNOWN_PATH_PAUSE_MS, pause_ms, refused_pause_ms
from sync.engine.state import Job
from sync.engine.statements import KitStored, StandingChanged
from sync.engine.turn import Turn

DAY_MS: Final = 24 * 3_600_000
#: Refusals of the kit that the gateway gives only after it asked whether this terminal may sell.
_MAY_SELL: Final = frozenset({Reason.UNKNOWN_PATH, Reason.CONTENT_DIFFERS})


def open_desk(turn: Turn) -> None:
    """After a start of the program."""
    desk = turn.kit
    if desk is None:
        return
    age_ms = None if desk.fetched_at_ms is None else turn.at_ms - desk.fetched_at_ms
    fresh = age_ms is not None and 0 <= age_ms < DAY_MS and desk.held >= REFILL_BELOW and turn.standing is None
    due_ms = turn.now.mono_ms + DAY_MS - age_ms if fresh and age_ms is not None else turn.now.mono_ms
    turn.kit = replace(desk, job=Job(due_ms=due_ms))


def line_came_up(turn: Turn) -> None:
    """After a silence nobody waits out a pause."""
    if turn.kit is not None:
        turn.kit = replace(turn.kit, job=turn.kit.job.hurried(turn.now.mono_ms))


def take(turn: Turn, call_id: int, call: KitCall, answer: Answer) -> None:
    """The call came back."""
    desk = turn.kit
    if desk is None or desk.job.in_flight != call_id:
        return
    now_ms, job = turn.now.mono_ms, desk.job
    match answer:
        case KitAnswer() if believable(answer.kit, epoch=desk.epoch):
            codes = tuple(c for c in answer.kit.codes if call.first <= c.index < call.first + call.wanted)
            kit = OfflineKit(
                epoch=answer.kit.epoch,
                base_url=answer.kit.base_url.rstrip("/"),
                proof_keys=answer.kit.proof_keys,
                codes=codes,
                order_limit_fen=answer.kit.order_limit_fen,
                typed_order_limit_fen=answer.kit.typed_order_limit_fen,
                typed_shift_limit_fen=answer.kit.typed_shift_limit_fen,
                server_time_ms=answer.kit.server_time_ms,
            )
            turn.state_till(KitStored(payment_no="", said_by=answer.said_by, kit=kit))
            turn.kit = replace(
                desk,
                first=min(LAST_INDEX, max((desk.first, *(code.index + 1 for code in codes)))),
                held=desk.held + len(codes),
                fetched_at_ms=turn.at_ms,
                job=job.again(now_ms + DAY_MS),
            )
        case ProblemAnswer(problem=problem) if problem.reason is Reason.UNKNOWN_PATH:
            turn.kit = replace(desk, job=job.again(now_ms + UNKNOWN_PATH_PAUSE_MS))
        case ProblemAnswer() | KitAnswer():
            turn.kit = replace(desk, job=job.failed(now_ms + refused_pause_ms(job.failures)))
        case StatusAnswer() | RefundAnswer() | StoreAnswer() | AcceptedAnswer() | SilentAnswer():
            turn.kit = replace(desk, job=job.failed(now_ms + pause_ms(job.failures)))
        case _:
            assert_never(answer)


def believable(kit: OfflineKit, *, epoch: int) -> bool:
    """For this activation, with a key to verify by, and an address that a phone can open."""
    keys = all(read_public(key.public_key) is not None for key in kit.proof_keys)
    return kit.epoch == epoch and bool(kit.proof_keys) and keys and kit.base_url.startswith(("https://", "http://"))


def hear_standing(turn: Turn, call: Call, answer: Answer) -> None:
    """A signed refusal of the terminal itself stands until the kit is given, or refused for a reason that comes after
    that question; the journal remembers it, or a restart without the line would forget it. What is refused before (too
    many calls, another time) says nothing about the terminal, nor does a word about a payment that was taken before.
    """
    if turn.kit is None:
        return
    refused = turn.standing
    match answer:
        case ProblemAnswer(problem=problem) if problem.reason in STANDING_REFUSALS:
            refused = problem.reason
        case KitAnswer():
            refused = None
        case ProblemAnswer(problem=problem) if isinstance(call, KitCall) and problem.reason in _MAY_SELL:
            refused = None
        case _:
            pass
    if refused is turn.standing or isinstance(answer, SilentAnswer):
        return
    said_by = answer.said_by
    turn.standing = refused
    turn.state_till(StandingChanged(payment_no="", said_by=said_by, refused=refused))
    if refused is not None and turn.kit.job.in_flight is None:
        turn.kit = replace(turn.kit, job=turn.kit.job.failed(turn.now.mono_ms + refused_pause_ms(0)))
