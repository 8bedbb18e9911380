"""A short slice of every fuzz target by the seeded mutator; and that the fuzzers themselves find what they are for."""

from __future__ import annotations

from inspect import signature

import pytest

from proof.fuzz.mutate import inputs
from proof.fuzz.registry import all_targets
from proof.fuzz.run import SLOWEST_S, slice_of, try_one
from proof.fuzz.target import Target, keepable

TARGETS = all_targets()


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_a_rule_of_a_parser(name: str) -> None:
    """Two thousand inputs of each; `guitai fuzz` goes on under atheris."""
    target = TARGETS[name]
    target.run(b"")  # what is made once per process is no input's fault
    assert slice_of(target, seed=1, executions=2_000) is None


def test_every_room_that_reads_bytes_from_outside_has_its_targets() -> None:
    """One for each kind of gun, each wallet's notifications and answers, each bill, each of the line's messages."""
    assert set(TARGETS) >= {
        "scanner-serial", "scanner-ssi", "scanner-hid", "scanner-evdev", "scanner-wedge", "camera-picture",
        "scanned-text",
        "messages", "signature", "address", "press", "journal", "document",
        "offline-order", "offline-proof", "typed-code",
        "notify-wechat-v3", "notify-wechat-v2", "notify-alipay", "notify-unionpay",
        "answers-wechat", "answers-alipay", "answers-unionpay",
        "bill-wechat", "bill-alipay", "bill-unionpay", "bill-packing",
    }  # fmt: skip


def test_the_seeds_reach_behind_the_signature() -> None:
    """A target whose seeds are refused at the door would fuzz the door only."""
    from gateway.channels.port import ChannelResponse, Notification, PaymentNotified
    from gateway.channels.verdicts import Paid
    from proof.fuzz import accounts

    seen = Notification(headers={"wechatpay-serial": "1"}, body=TARGETS["notify-alipay"].seeds[0])
    app_id = accounts.alipay().ours.app_id.encode()
    body = seen.body.replace(b"app_id=2021", b"app_id=" + app_id)
    body += b"&seller_id=" + (accounts.alipay().ours.seller_id or "").encode()
    told = accounts.alipay().read_notification(Notification(headers={}, body=body), now_ms=accounts.NOW_MS)
    assert isinstance(told, PaymentNotified)
    call = accounts.alipay().query(accounts.REF, now_ms=accounts.NOW_MS)
    answer = TARGETS["answers-alipay"].seeds[0][2:]
    assert isinstance(call.read(ChannelResponse(status=200, headers={}, body=answer)), Paid)


def test_a_defect_is_found_and_told_with_its_input() -> None:
    """The canary: a parser that fails on one byte anywhere."""

    def bad(data: bytes) -> None:
        assert b"\xff" not in data

    found = slice_of(Target(name="bad", about="", run=bad, seeds=(b"abc",)), seed=1, executions=2_000)
    assert found is not None
    assert b"\xff" in found.data
    assert found.what.startswith("AssertionError at test_fuzz.py:")
    assert bytes.fromhex(found.as_values()["input"]) == found.data


def test_an_input_that_takes_too_long_is_a_defect() -> None:
    """By a limit that is short here; nobody who fuzzes gives another than the one of all runs."""
    assert signature(try_one).parameters["slowest_s"].default == SLOWEST_S

    def slow(data: bytes) -> None:
        while data and _spent() < began + 0.15:
            continue

    began = _spent()
    target = Target(name="slow", about="", run=slow, seeds=())
    assert try_one(target, b"x") is None
    began = _spent()
    found = try_one(target, b"x", slowest_s=0.1)
    assert found is not None
    assert "took" in found.what


def _spent() -> float:
    import time

    return time.process_time()


def test_the_same_seed_draws_the_same_inputs() -> None:
    first, again = (list(inputs((b"abc",), seed=3, count=50, most_bytes=64)) for _ in range(2))
    assert first == again
    assert first != list(inputs((b"abc",), seed=4, count=50, most_bytes=64))
    assert max(map(len, first)) <= 64


@pytest.mark.parametrize("value", ["\ud800", 2**63, 0.5, [{"a": 10**30}], object()])
def test_what_cannot_be_kept_is_told(value: object) -> None:
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        keepable(value)
