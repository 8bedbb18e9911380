"""The public calls: order of checks, idempotency, tombstones, isolation between tills, activation, journal.

Every answer and problem is signed and bound to its request: the till of these tests verifies each one.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from msgspec.structs import replace

from gateway.api.activating import ActivationCalls
from gateway.api.answers import Refusal
from gateway.payments.values import AlarmKind
from gateway.store.runners import InlineStore
from gateway.store.units import Tx
from protocol.chain import genesis, link
from protocol.keys import device_keyid, public_text
from protocol.messages import (
    ActivationAnswer,
    ActivationRequest,
    JournalAnswer,
    JournalEntry,
    JournalUpload,
    Problem,
    decode,
    encode,
)
from protocol.numbers import new_terminal_id
from protocol.reasons import Reason
from protocol.signature import RequestParts, Verified
from protocol.states import GatewayState, ProofKind
from tests.contract.gateway.gateway_world import (
    Fault,
    Till,
    World,
    in_world,
    number_of,
    problem_of,
    read,
    status_of,
)

T = TypeVar("T")
PAID, NOT_PAID = GatewayState.PAID, GatewayState.NOT_PAID


def test_parallel_sends_of_one_payment_make_one_charge() -> None:
    """64 sends of the same number: one channel order, one charge, the same answer to all."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        answers = await asyncio.gather(*(till.pay(request) for _ in range(64)))
        assert {status_of(answer).payment_no for answer in answers} == {request.payment_no}
        status, _ = await till.final(request.payment_no)
        assert world.money(status)[:2] == (1250, 0)
        assert [method for _, method, _ in world.line.sent].count("pay") == 1

    in_world(story)


def test_the_same_number_with_other_content_applies_nothing() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        for other in (
            msgspec.structs.replace(request, amount_fen=1),
            msgspec.structs.replace(request, subject="x"),
            msgspec.structs.replace(request, expires=request.expires + 1),
            msgspec.structs.replace(request, operator="02"),
        ):
            assert problem_of(await till.pay(other)).reason is Reason.CONTENT_DIFFERS
        status, _ = await till.final(request.payment_no)
        assert world.money(status)[:2] == (1250, 0)

    in_world(story)


def test_another_code_under_the_same_number_is_the_stored_answer() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("never"))
        first = status_of(await till.pay(request))
        other = till.payment(world.show_code("pay"))
        second = status_of(await till.pay(msgspec.structs.replace(request, auth_code=other.auth_code)))
        assert (second.state, second.state_seq) == (first.state, first.state_seq)
        await asyncio.sleep(1)
        assert world.money(first)[0] == 0

    in_world(story)


def test_a_late_request_is_a_tombstone_never_a_charge() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await asyncio.sleep(16)
        status = status_of(await till.pay(request))
        assert (status.state, status.reason) == (NOT_PAID, Reason.EXPIRED)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.TOMBSTONE
        assert world.line.sent == []

    in_world(story)


def test_cancel_of_an_unknown_number_is_kept_for_ever() -> None:
    """The request that comes after its cancel gets the tombstone; nothing is sent."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        dead = status_of(await till.cancel(request.payment_no))
        assert (dead.state, dead.reason) == (NOT_PAID, Reason.CANCELLED)
        await world.restart()
        again = status_of(await till.pay(request))
        assert again.state is NOT_PAID
        assert world.line.sent == []

    in_world(story)


def test_unknown_number_is_a_signed_problem_and_proves_nothing() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        assert problem_of(await till.ask(request.payment_no)).reason is Reason.UNKNOWN_PAYMENT
        await till.pay(request)
        assert status_of(await till.ask(request.payment_no)).state is GatewayState.SENT

    in_world(story)


def test_the_next_try_waits_for_a_proof_and_buries_numbers_never_seen() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        first = till.payment(world.show_code("balance_low"))
        order_no, sale_id = number_of(first), first.sale_id
        await till.pay(first)
        open_yet = till.payment(world.show_code("pay"), order_no=order_no, sale_id=sale_id, n=2)
        assert problem_of(await till.pay(open_yet)).reason is Reason.ORDER_OPEN
        await till.final(first.payment_no)
        fourth = till.payment(world.show_code("pay"), order_no=order_no, sale_id=sale_id, n=4)
        await till.pay(fourth)
        for n in (2, 3):
            buried = till.payment(world.show_code("pay"), order_no=order_no, sale_id=sale_id, n=n)
            status = status_of(await till.ask(buried.payment_no))
            assert status.proof is not None
            assert status.proof.kind is ProofKind.TOMBSTONE
        status, _ = await till.final(fourth.payment_no)
        assert status.state is PAID
        fifth = till.payment(world.show_code("pay"), order_no=order_no, sale_id=sale_id, n=5)
        assert problem_of(await till.pay(fifth)).reason is Reason.ORDER_PAID
        assert world.money(status)[:2] == (1250, 0)

    in_world(story)


def test_after_a_cancel_the_order_takes_nothing_more() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        first = till.payment(world.show_code("never"))
        await till.pay(first)
        await till.cancel(first.payment_no)
        await till.final(first.payment_no)
        again = till.payment(world.show_code("pay"), order_no=number_of(first), sale_id=first.sale_id, n=2)
        assert problem_of(await till.pay(again)).reason is Reason.ORDER_CANCELLED
        fresh = till.payment(world.show_code("pay"), sale_id=first.sale_id)
        await till.pay(fresh)
        assert (await till.final(fresh.payment_no))[0].state is PAID

    in_world(story)


def test_one_code_at_two_tills_is_charged_once() -> None:
    async def story(world: World) -> None:
        one, two = await world.till(), await world.till()
        code = world.show_code("pay")
        first, second = one.payment(code), two.payment(code)
        await one.pay(first)
        status = status_of(await two.pay(second))
        assert (status.state, status.reason) == (NOT_PAID, Reason.CODE_USED_ELSEWHERE)
        await one.final(first.payment_no)
        assert len(world.wallets.orders()) == 1

    in_world(story)


def test_a_code_that_was_never_sent_may_be_scanned_again_at_the_same_till() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["pay"] = [Fault(lose="not_sent")]
        code = world.show_code("pay")
        first = till.payment(code)
        await till.pay(first)
        status, _ = await till.final(first.payment_no)
        assert status.proof is not None
        assert status.proof.kind is ProofKind.NOT_SENT
        again = till.payment(code, order_no=number_of(first), sale_id=first.sale_id, n=2)
        await till.pay(again)
        assert (await till.final(again.payment_no))[0].state is PAID

    in_world(story)


def test_a_till_sees_and_moves_only_its_own_payments() -> None:
    async def story(world: World) -> None:
        one, two = await world.till(), await world.till()
        request = one.payment(world.show_code("ask_password:5"))
        await one.pay(request)
        assert problem_of(await two.ask(request.payment_no)).reason is Reason.UNKNOWN_PAYMENT
        await two.cancel(request.payment_no)
        status, _ = await one.final(request.payment_no)
        assert status.state is PAID
        assert not status.cancel_requested

    in_world(story)


def test_no_account_for_the_wallet_is_said_with_a_proof() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        digital_yuan = status_of(await till.pay(till.payment("0112345678901234567")))
        assert (digital_yuan.state, digital_yuan.reason) == (NOT_PAID, Reason.NO_CHANNEL)
        other = await world.till(store_id="s2")
        shown = status_of(await other.pay(other.payment(None)))
        assert (shown.state, shown.reason) == (NOT_PAID, Reason.NO_CHANNEL)
        assert world.line.sent == []

    in_world(story)


def test_a_defect_in_reading_an_answer_does_not_say_that_nothing_was_sent() -> None:
    async def story(world: World) -> None:
        async def breaks() -> None:
            world.line.after_call = None
            raise KeyError("a field that every answer has")

        till = await world.till()
        world.line.after_call = breaks
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        assert (await till.final(request.payment_no))[0].state is PAID

    in_world(story)


def test_a_look_for_late_money_that_got_no_answer_is_made_again() -> None:
    """At 5 s, 1, 5, 15 minutes, 1, 6 and 24 hours somebody has looked, however bad the line was."""

    async def story(world: World) -> None:
        till = await world.till()
        world.line.faults["query"] = [Fault(lose="before")] * 7
        request = till.payment(world.show_code("balance_low"))
        await till.pay(request)
        assert (await till.final(request.payment_no))[0].state is NOT_PAID
        await asyncio.sleep(90_000)
        looks = [verb for _, verb, _ in world.line.sent if verb == "query"]
        assert len(looks) == 7 + 7

    in_world(story)


def test_a_clock_that_is_wrong_is_told_the_time_and_then_sells() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        till.skew_s = -600
        request = till.payment(world.show_code("pay"))
        problem = problem_of(await till.pay(request))
        assert problem.reason is Reason.CLOCK
        assert problem.server_time_ms == world.clock.now_ms()
        till.skew_s = 0
        assert status_of(await till.pay(request)).state is GatewayState.SENT
        till.skew_s = -600
        assert status_of(await till.pay(request)).payment_no == request.payment_no
        assert status_of(await till.ask(request.payment_no)).payment_no == request.payment_no

    in_world(story)


def test_a_replayed_request_has_no_second_effect() -> None:
    """The same signed bytes again: for a known number its stored answer, for an unknown one a refusal by the nonce."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        signed = till.signed("POST", "/v1/payments", encode(request))
        await till.send(signed)
        assert status_of(read(await till.send(signed))).payment_no == request.payment_no
        entry = _entry(genesis(till.keyid), 1)
        upload = till.signed("POST", "/v1/journal", encode(JournalUpload(entries=(entry,))))
        assert (await till.send(upload)).status == 200
        assert (await till.send(upload)).status == 200

    in_world(story)


@pytest.mark.parametrize("part", ["body", "path", "query", "signature", "none", "stranger"])
def test_what_is_not_signed_so_is_refused(part: str) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        signed = till.signed("POST", "/v1/payments", encode(till.payment(world.show_code("pay"))))
        match part:
            case "body":
                bad = replace(signed, body=signed.body.replace(b"1250", b"1251"))
            case "path":
                bad = replace(signed, path="/v1/journal")
            case "query":
                bad = replace(signed, query="x=1")
            case "signature":
                other = till.signed("POST", "/v1/payments", signed.body)
                bad = replace(signed, headers={**signed.headers, "signature": other.headers["signature"]})
            case "none":
                bad = replace(signed, headers={"content-type": "application/json"})
            case _:
                stranger = Till(world=world)
                stranger.keyid = till.keyid
                bad = stranger.signed("POST", "/v1/payments", signed.body)
        response = await world.gateway.service.handle(bad, "127.0.0.1")
        assert decode(Problem, response.body).reason is Reason.BAD_SIGNATURE
        assert world.line.sent == []

    in_world(story)


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'{"payment_no": 1}', b"\xff\xfe", b"[" * 5000])
def test_bytes_that_are_no_message_are_refused_by_name(body: bytes) -> None:
    async def story(world: World) -> None:
        till = await world.till()
        assert problem_of(await till.call("POST", "/v1/payments", body)).reason is Reason.BAD_REQUEST
        assert problem_of(await till.call("POST", "/v1/payments", b"x" * 70_000)).reason is Reason.TOO_LARGE
        assert problem_of(await till.call("GET", "/v1/other")).reason is Reason.UNKNOWN_PATH

    in_world(story)


def test_a_code_and_its_presence_must_agree() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        scanned = till.payment(world.show_code("pay"))
        without = msgspec.structs.replace(scanned, auth_code=None)
        assert problem_of(await till.pay(without)).reason is Reason.BAD_REQUEST

    in_world(story)


def test_paid_without_an_acknowledgement_is_an_alarm_that_the_acknowledgement_ends() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        noticed, unnoticed = till.payment(world.show_code("pay")), till.payment(world.show_code("pay"))
        for request in (noticed, unnoticed):
            await till.pay(request)
        status, _ = await till.final(noticed.payment_no)
        await till.ack(status)
        assert status_of(await till.ack(status)).state is PAID
        late, _ = await till.final(unnoticed.payment_no)
        await asyncio.sleep(115)
        assert AlarmKind.PAID_UNNOTICED not in world.alarms()
        await asyncio.sleep(10)
        assert world.alarms() == {AlarmKind.PAID_UNNOTICED: 1}
        await till.ack(late)
        assert world.alarms() == {}

    in_world(story)


def test_an_acknowledgement_of_something_else_is_refused() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        status, _ = await till.final(request.payment_no)
        wrong = msgspec.structs.replace(status, state=NOT_PAID)
        assert problem_of(await till.ack(wrong)).reason is Reason.CONTENT_DIFFERS

    in_world(story)


def test_a_long_poll_returns_on_the_change_and_no_later() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(world.show_code("ask_password:7"))
        first = status_of(await till.pay(request))
        began = world.loop.time()
        prompted = status_of(await till.ask(request.payment_no, wait=25, after=first.state_seq))
        assert prompted.payer_prompted
        assert world.loop.time() - began < 1
        same = status_of(await till.ask(request.payment_no, wait=2, after=prompted.state_seq))
        assert same.state_seq == prompted.state_seq
        status, seconds = await till.final(request.payment_no)
        assert status.state is PAID
        assert 4 <= seconds <= 9

    in_world(story)


def test_a_lost_activation_answer_burns_nothing() -> None:
    """Same code and key: the same terminal again; another key: the single use is gone."""

    async def story(world: World) -> None:
        code = world.activation_code()
        till, other = Till(world=world), Till(world=world)
        first, again = await till.activate(code), await _activate(till, code)
        assert isinstance(again, ActivationAnswer)
        assert again.terminal_id == first.terminal_id
        assert await _refusal(other, code) is Reason.ACTIVATION_USED
        assert {entry.use for entry in first.keys} == {"http", "root"}

    in_world(story)


def test_a_till_that_a_restored_backup_lost_comes_back_under_its_name_and_its_journal_tells_what_is_lost() -> None:
    """It was activated after the backup was made. Under another name its journal could never be delivered."""

    async def story(world: World) -> None:
        terminal_id = new_terminal_id(b"\x07" * 8)
        till, other = Till(world=world), Till(world=world)
        code = world.activation_code(uses=3)
        assert (await till.activate(code, terminal_id=terminal_id)).terminal_id == terminal_id
        assert (await other.activate(code, terminal_id=terminal_id)).terminal_id != terminal_id, "it is somebody's"
        upload = encode(JournalUpload(entries=(), told=9))
        assert (await till.send(till.signed("POST", "/v1/journal", upload))).status == 200
        assert world.alarms() == {AlarmKind.GATEWAY_RESTORED: 1}
        odd = await Till(world=world).activate(code, terminal_id="0" * 12 + "Z")
        assert odd.terminal_id != "0" * 12 + "Z", "8 bytes write no such id"

    in_world(story)


def test_activation_codes_end_and_guessing_is_slowed() -> None:
    async def story(world: World) -> None:
        old = world.activation_code(days=1)
        await asyncio.sleep(86_401)
        till = Till(world=world)
        assert await _refusal(till, old) is Reason.ACTIVATION_EXPIRED
        for _ in range(4):
            assert await _refusal(till, "0000 0000 0000") is Reason.ACTIVATION_UNKNOWN
        good = world.activation_code()
        assert await _refusal(till, good) is Reason.TOO_MANY_TRIES
        assert isinstance(await _activate(till, good, remote="10.0.0.2"), ActivationAnswer)
        for number in range(5):
            assert await _refusal(till, "0000 0000 0000", remote=f"2400::{number}") is Reason.ACTIVATION_UNKNOWN
        assert await _refusal(till, good, remote="2400::5") is Reason.TOO_MANY_TRIES, "one has all 64 bits of them"
        await asyncio.sleep(61)
        assert isinstance(await _activate(till, good), ActivationAnswer)

    in_world(story)


def test_guesses_at_the_same_moment_are_counted_each() -> None:
    """A store answers later: no guess may slip in between the look at the count and the count."""

    class LaterStore:
        def __init__(self, inner: InlineStore) -> None:
            self._inner = inner

        async def run(self, unit: Callable[[Tx], T]) -> T:
            await asyncio.sleep(0.01)
            return await self._inner.run(unit)

        async def aclose(self) -> None:
            """The world closes the store behind it."""

    async def story(world: World) -> None:
        till = Till(world=world)
        public = public_text(till.key)
        nonce = b64encode(bytes(16)).decode()
        now_s = world.clock.now_ms() // 1000
        verified = Verified(keyid=device_keyid(public), created_s=now_s, expires_s=now_s + 300, nonce=nonce)
        store = LaterStore(world.store)
        calls = ActivationCalls(store=store, clock=world.clock, entropy=world.entropy, keys=world.keys)
        guess = ActivationRequest(code="0000 0000 0000", public_key=public, device_name="")
        guesses = [calls.activate(verified, guess, "192.0.2.1") for _ in range(30)]
        refusals = await asyncio.gather(*guesses, return_exceptions=True)
        reasons = [refusal.reason for refusal in refusals if isinstance(refusal, Refusal)]
        assert reasons.count(Reason.ACTIVATION_UNKNOWN) == 5
        assert reasons.count(Reason.TOO_MANY_TRIES) == 25

    in_world(story)


def test_activation_needs_the_key_that_it_names() -> None:
    async def story(world: World) -> None:
        till, other = Till(world=world), Till(world=world)
        request = ActivationRequest(code=world.activation_code(), public_key=public_text(other.key), device_name="")
        response = await till.send(till.signed("POST", "/v1/terminals/activate", encode(request)))
        assert decode(Problem, response.body).reason is Reason.BAD_SIGNATURE

    in_world(story)


def test_a_device_that_is_activated_again_is_the_same_terminal_one_epoch_later() -> None:
    async def story(world: World) -> None:
        till = Till(world=world)
        first = await till.activate(world.activation_code())
        till.keyid = ""
        second = await till.activate(world.activation_code())
        assert (second.terminal_id, second.epoch) == (first.terminal_id, first.epoch + 1)

    in_world(story)


def test_the_journal_is_gapless_chained_and_idempotent() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        entries = _entries(till.keyid, 5)
        assert await _upload(till, entries[:3]) == 3
        assert await _upload(till, entries[:3]) == 3
        assert await _upload(till, entries[1:]) == 5
        assert await _upload(till, ()) == 5

    in_world(story)


def test_a_gap_and_a_fork_are_refused_with_an_alarm() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        entries = _entries(till.keyid, 4)
        assert await _upload(till, entries[:1]) == 1
        assert await _upload(till, entries[2:]) is Reason.JOURNAL_GAP
        assert await _upload(till, (entries[0], entries[1], entries[3])) is Reason.JOURNAL_GAP
        other = _entry(genesis(till.keyid), 1, body='{"other":1}')
        assert await _upload(till, (other,)) is Reason.JOURNAL_FORK
        assert await _upload(till, (_entry("0" * 64, 2),)) is Reason.JOURNAL_FORK
        assert world.alarms() == {AlarmKind.JOURNAL_GAP: 1, AlarmKind.JOURNAL_FORK: 1}
        assert await _upload(till, entries) == 4
        assert world.alarms() == {AlarmKind.JOURNAL_FORK: 1}, "nothing is missing any more"

    in_world(story)


def test_a_gap_is_an_alarm_until_everything_is_there_that_the_till_has() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        entries = _entries(till.keyid, 6)
        till.journal = (6, entries[-1].hash)
        assert await _upload(till, entries[3:]) is Reason.JOURNAL_GAP
        assert await _upload(till, entries[:2]) == 2
        assert world.alarms() == {AlarmKind.JOURNAL_GAP: 1}, "four of them are still missing"
        assert await _upload(till, entries[2:]) == 6
        assert not world.alarms()

    in_world(story)


def _entry(previous: str, seq: int, body: str = "{}") -> JournalEntry:
    digest = link(previous, seq=seq, kind="note", at_ms=seq, body=body)
    return JournalEntry(seq=seq, kind="note", at_ms=seq, body=body, hash=digest)


def _entries(terminal_id: str, count: int) -> tuple[JournalEntry, ...]:
    found: list[JournalEntry] = []
    head = genesis(terminal_id)
    for seq in range(1, count + 1):
        found.append(_entry(head, seq))
        head = found[-1].hash
    return tuple(found)


async def _upload(till: Till, entries: tuple[JournalEntry, ...]) -> int | Reason:
    response = await till.send(till.signed("POST", "/v1/journal", encode(JournalUpload(entries=entries))))
    if response.status != 200:
        return decode(Problem, response.body).reason
    return decode(JournalAnswer, response.body).accepted_through


async def _activate(till: Till, code: str, remote: str = "127.0.0.1") -> ActivationAnswer | Problem:
    till.keyid = ""
    request = ActivationRequest(code=code, public_key=public_text(till.key), device_name="")
    signed: RequestParts = till.signed("POST", "/v1/terminals/activate", encode(request))
    response = await till.send(signed, remote)
    return decode(ActivationAnswer if response.status == 200 else Problem, response.body)


async def _refusal(till: Till, code: str, remote: str = "127.0.0.1") -> Reason:
    answer = await _activate(till, code, remote)
    assert isinstance(answer, Problem)
    return answer.reason
