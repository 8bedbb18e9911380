"""Which statements can follow which: every one has an answer after every beginning, and none is a crash."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest
from msgspec import Struct, inspect

from sync.engine.statements import (
    AnyStatement,
    CashReturned,
    CashTaken,
    CodeTried,
    KitStored,
    OfflineParked,
    OfflineShown,
    PaymentSettled,
    PaymentStarted,
    ProofTaken,
    RefundSettled,
    RefundStarted,
    StandingChanged,
    StatusShown,
    StorePaidHeard,
)
from sync.journal.story import Story

AT_MS = 1_790_000_000_000


def some(kind: inspect.Type) -> Any:
    """A value of this type, as plain as can be."""
    match kind:
        case inspect.StructType(cls=cls):
            return sample(cls)
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.UnionType(types=types):
            return None if any(isinstance(one, inspect.NoneType) for one in types) else some(types[0])
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 1
        case inspect.StrType():
            return "A-1"
        case inspect.VarTupleType() | inspect.ListType():
            return ()
        case _:
            raise AssertionError(f"no value of {kind}")


def sample(cls: type[Struct]) -> Any:
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    wanted = {field.name: some(field.type) for field in info.fields if field.required}
    return cls(**wanted)


KINDS: tuple[type[Struct], ...] = get_args(AnyStatement)
SAMPLES = {kind: sample(kind) for kind in KINDS}


def told(*kinds: type[Struct]) -> list[bool]:
    """Whether each of them could follow those before it that could."""
    story = Story()
    return [story.take(SAMPLES[kind], AT_MS) for kind in kinds]


def test_every_statement_has_an_answer_after_every_two_others() -> None:
    """A total check: no order of entries makes it fall over."""
    for kinds in product(KINDS, repeat=3):
        assert len(told(*kinds)) == len(kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_what_begins_nothing_cannot_be_said_first(kind: type[Struct]) -> None:
    first = {PaymentStarted, OfflineShown, CashTaken, KitStored, StandingChanged, StorePaidHeard}
    assert told(kind) == [kind in first]


@pytest.mark.parametrize(
    ("kinds", "last"),
    [
        pytest.param((PaymentStarted, PaymentStarted), False, id="started-twice"),
        pytest.param((OfflineShown, PaymentStarted), False, id="shown-then-started"),
        pytest.param((PaymentStarted, PaymentSettled, PaymentSettled), True, id="settled-once-more"),
        pytest.param((PaymentStarted, ProofTaken), False, id="proof-of-no-order"),
        pytest.param((PaymentStarted, CodeTried), False, id="code-of-no-order"),
        pytest.param((PaymentStarted, OfflineParked), False, id="parked-what-was-not-shown"),
        pytest.param((PaymentStarted, StatusShown, ProofTaken), True, id="proof-of-a-question"),
        pytest.param((OfflineShown, ProofTaken, ProofTaken), False, id="proven-twice"),
        pytest.param((PaymentStarted, RefundSettled), False, id="refund-that-never-began"),
        pytest.param((PaymentStarted, RefundStarted, RefundStarted), False, id="refund-begun-twice"),
        pytest.param((PaymentStarted, RefundStarted, RefundSettled), True, id="refund"),
        pytest.param((CashTaken, CashTaken), False, id="cash-taken-twice"),
        pytest.param((CashTaken, CashReturned, CashReturned), False, id="cash-back-twice"),
    ],
)
def test_a_story_that_cannot_be(kinds: tuple[type[Struct], ...], last: bool) -> None:
    answers = told(*kinds)
    assert answers == [True] * (len(kinds) - 1) + [last]
