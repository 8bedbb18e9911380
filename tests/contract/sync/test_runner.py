"""The whole sync room against a gateway: what the cashier is told, through losses, crashes and a wrong clock."""

import asyncio
from pathlib import Path

import pytest

from protocol.messages import LateMoney, LateMoneyState, Light
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.engine.model import Line, PaymentView
from sync.engine.statements import TILL
from tests.contract.sync.counter import CODE, Counter, at_the_counter
from tests.contract.sync.fake_gateway import Fault

S = TerminalState


def test_a_code_that_pays_at_once_is_told_journaled_and_acknowledged(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        view = await c.view(c.scan(), S.PAID)
        assert view.reason is Reason.PAID
        assert view.elapsed_ms is not None
        assert view.elapsed_ms < 100
        assert not view.safe_to_rescan
        await c.until(lambda: c.link is not None and c.link.unsent == 0 and view.payment_no in c.gateway.acked)

    c = at_the_counter(tmp_path, story)
    assert c.gateway.kinds() == ["pay", "ack"]
    assert [entry.kind for entry in c.gateway.entries] == ["payment.started", "payment.settled", "payment.acked"]


def test_a_declined_code_gives_a_green_light_with_its_proof(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        view = await c.view(c.scan(), S.NOT_PAID)
        assert view.light is Light.GREEN
        assert view.safe_to_rescan
        assert view.reason is Reason.BALANCE_LOW
        assert view.proof is not None
        assert view.proof.kind is ProofKind.DECLINED
        again = await c.view(c.scan(order_no=view.order_no), S.NOT_PAID)
        assert (again.order_no, again.n, again.sale_id) == (view.order_no, 2, view.sale_id)

    at_the_counter(tmp_path, story)


def test_waiting_for_a_password_is_a_long_poll_not_a_storm(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        c.gateway.change(view.payment_no, payer_prompted=True)
        await c.until(lambda: (seen := c.by_number(view.payment_no)) is not None and seen.payer_prompted)
        c.loop.call_later(40, c.gateway.settle, view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID)

    c = at_the_counter(tmp_path, story)
    assert 2 <= c.gateway.kinds().count("query") <= 5


def test_with_the_line_down_a_scan_is_refused_at_once_and_nothing_is_live(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.down = True
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        assert await c.refused(c.scan()) is Reason.GATEWAY_UNREACHABLE
        assert c.journal.head.seq == 0
        c.gateway.down = False
        await c.up()
        await c.view(c.scan(), S.WAITING)

    at_the_counter(tmp_path, story)


def test_a_first_send_that_never_left_is_green_by_this_tills_own_word(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.faults["pay"].append(Fault.NOT_SENT)
        view = await c.view(c.scan(), S.NOT_PAID)
        assert view.proof is not None
        assert (view.proof.kind, view.proof.said_by) == (ProofKind.NOT_SENT, TILL)
        assert view.light is Light.GREEN

    c = at_the_counter(tmp_path, story)
    assert "ack" not in c.gateway.kinds()


def test_not_sent_on_a_retransmission_proves_nothing(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        c.gateway.faults["pay"].extend([Fault.ANSWER_LOST, Fault.NOT_SENT])
        request = c.scan()
        assert (await c.view(request, S.UNKNOWN)).light is None
        await c.view(request, S.PAID)
        assert all(not v.safe_to_rescan for v in c.heard if isinstance(v, PaymentView))

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == [CODE, CODE]
    assert len(c.gateway.statuses) == 1


@pytest.mark.parametrize(
    "fault", [f for f in Fault if f not in (Fault.NONE, Fault.NOT_SENT)], ids=lambda fault: fault.value
)
def test_no_bad_answer_is_an_outcome_and_the_truth_is_found_later(tmp_path: Path, fault: Fault) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        c.gateway.faults["pay"].append(fault)
        request = c.scan()
        unknown = await c.view(request, S.UNKNOWN)
        assert unknown.light is None
        assert unknown.reason is Reason.NOT_CONFIRMED
        await c.view(request, S.PAID)
        states = [v.state for v in c.heard if isinstance(v, PaymentView)]
        assert S.NOT_PAID not in states

    c = at_the_counter(tmp_path, story)
    assert len(c.gateway.statuses) == 1


def test_after_a_crash_before_the_request_arrived_the_number_is_buried_and_green(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.faults["pay"].append(Fault.REQUEST_LOST)
        view = await c.view(c.scan(), S.SENDING)
        await c.restart()
        settled = await c.number_in(view.payment_no, S.NOT_PAID)
        assert settled.proof is not None
        assert settled.proof.kind is ProofKind.TOMBSTONE
        assert settled.safe_to_rescan

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == []
    assert "pay" not in c.gateway.kinds()


def test_after_a_crash_with_the_money_taken_the_till_says_paid_by_itself(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        c.gateway.faults["pay"].append(Fault.ANSWER_LOST)
        view = await c.view(c.scan(), S.SENDING)
        await _sleep(1_000)
        await c.restart()
        paid = await c.number_in(view.payment_no, S.PAID)
        assert paid.request_id is None
        assert paid.elapsed_ms is None

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == [CODE]


def test_a_command_that_a_closing_till_did_not_look_at_is_refused_and_never_begun(tmp_path: Path) -> None:
    """A till is closed and opened again under its screen when it is activated anew."""

    async def story(c: Counter) -> None:
        c.gateway.delay_ms["journal"] = 2_000
        held = c.scan()
        await asyncio.sleep(0.1)
        c.runner.stop()
        behind = c.scan()
        await asyncio.sleep(0.1)
        after = c.take_cash(700)
        await asyncio.sleep(0.1)
        for request_id in (held, behind, after):
            assert c.refusals(request_id) == [Reason.GATEWAY_UNREACHABLE]
        await c.restart()
        await c.up()
        assert c.journal.head.seq == 0

    c = at_the_counter(tmp_path, story)
    assert c.gateway.codes == []


def test_a_cancel_of_what_is_over_and_forgotten_shows_it_again(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        paid = await c.view(c.scan(), S.PAID)
        await asyncio.sleep(60)
        told = len(c.heard)
        c.cancel(paid.payment_no)
        await c.until(lambda: any(isinstance(view, PaymentView) for view in c.heard[told:]))
        assert not c.refusals(paid.payment_no)
        again = c.by_number(paid.payment_no)
        assert again is not None
        assert (again.state, again.cancel_requested) == (S.PAID, False)

    at_the_counter(tmp_path, story)


def test_a_crash_at_any_moment_of_a_payment_ends_settled_with_no_second_charge(tmp_path: Path) -> None:
    for crash_ms in (1, 10, 30, 100, 400, 2_000, 12_000):
        folder = tmp_path / str(crash_ms)
        folder.mkdir()

        async def story(c: Counter, crash_ms: int = crash_ms) -> None:
            c.gateway.delay_ms = {"pay": 200, "query": 50, "cancel": 50, "ack": 50}
            await c.up()
            request = c.scan()
            view = await c.view(request)
            c.loop.call_later(1, lambda: _pay_if_open(c, view.payment_no))
            await _sleep(crash_ms)
            await c.restart()
            await c.until(lambda: (seen := c.by_number(view.payment_no)) is not None and seen.state.final)
            await c.until(lambda: c.gateway.acked.get(view.payment_no) is not None)

        c = at_the_counter(folder, story)
        assert len(c.gateway.statuses) == 1
        assert len(c.gateway.codes) <= 1
        (status,) = c.gateway.statuses.values()
        seen = c.by_number(status.payment_no)
        assert seen is not None
        assert (seen.state is S.PAID) == (status.state is GatewayState.PAID)


def _pay_if_open(c: Counter, payment_no: str) -> None:
    status = c.gateway.statuses.get(payment_no)
    if status is not None and status.state is GatewayState.SENT:
        c.gateway.settle(payment_no, GatewayState.PAID)


async def _sleep(ms: int) -> None:
    await asyncio.sleep(ms / 1000)


def test_a_cancel_is_sent_until_answered_and_ends_with_a_proof(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        c.gateway.faults["cancel"].extend([Fault.ANSWER_LOST, Fault.HTML])
        c.cancel(view.payment_no)
        cancelling = await c.number_in(view.payment_no, S.CANCELLING)
        assert cancelling.cancel_requested
        assert cancelling.light is None
        c.loop.call_later(30, lambda: c.gateway.settle(view.payment_no, GatewayState.NOT_PAID, proof=ProofKind.CLOSED))
        done = await c.number_in(view.payment_no, S.NOT_PAID)
        assert done.safe_to_rescan

    c = at_the_counter(tmp_path, story)
    assert c.gateway.kinds().count("cancel") >= 2


def test_a_cancel_that_comes_too_late_is_paid(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        c.gateway.faults["query"].extend([Fault.REQUEST_LOST] * 3)
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        c.cancel(view.payment_no)
        await c.number_in(view.payment_no, S.PAID)

    at_the_counter(tmp_path, story)


def test_a_cancel_intent_survives_a_crash(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        c.gateway.down = True
        c.cancel(view.payment_no)
        await c.number_in(view.payment_no, S.CANCELLING)
        await c.restart()
        c.gateway.down = False
        await c.until(lambda: c.gateway.statuses[view.payment_no].cancel_requested)

    at_the_counter(tmp_path, story)


def test_a_refused_request_is_buried_and_keeps_its_reason(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.refuse_all = Reason.NO_CHANNEL
        request = c.scan()
        await c.view(request, S.CANCELLING, S.UNKNOWN)
        c.gateway.refuse_all = None
        view = await c.view(request, S.NOT_PAID)
        assert view.reason is Reason.NO_CHANNEL
        assert view.proof is not None
        assert view.proof.kind is ProofKind.TOMBSTONE

    at_the_counter(tmp_path, story)


@pytest.mark.parametrize("error_ms", [-10 * 365 * 86_400_000, 10 * 365 * 86_400_000, -200_000, 200_000])
def test_a_wrong_wall_clock_is_a_warning_and_sells(tmp_path: Path, error_ms: int) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        view = await c.view(c.scan(), S.PAID)
        assert abs(view.started_at_ms - c.gateway_clock.wall_ms()) < 2_000
        assert c.link is not None
        assert c.link.clock_warning
        assert c.link.clock_skew_ms is not None
        assert abs(c.link.clock_skew_ms - error_ms) < 1_000

    at_the_counter(tmp_path, story, wall_error_ms=error_ms)


def test_a_clock_refusal_of_a_first_request_is_signed_again_under_the_same_number(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        c.gateway_clock.wall_offset_ms += 3_600_000  # the gateway's clock is set right by an hour
        view = await c.view(c.scan(), S.PAID)
        assert view.n == 1

    c = at_the_counter(tmp_path, story)
    assert c.gateway.kinds()[:2] == ["pay", "pay"]
    assert len(c.gateway.statuses) == 1


def test_late_money_on_a_given_up_payment_is_told_and_acknowledged(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.NOT_PAID
        view = await c.view(c.scan(), S.NOT_PAID)
        late = LateMoney(state=LateMoneyState.FOUND, amount_fen=1250, found_at_ms=c.gateway.now_ms())
        c.gateway.change(view.payment_no, late_money=late)
        await c.until(lambda: (v := c.by_number(view.payment_no)) is not None and v.late_money == late, within_s=300)
        seen = c.by_number(view.payment_no)
        assert seen is not None
        assert (seen.light, seen.safe_to_rescan) == (None, False)
        assert await c.refused(c.scan(order_no=view.order_no)) is Reason.LATE_MONEY
        undone = LateMoney(state=LateMoneyState.UNDONE, amount_fen=1250, found_at_ms=late.found_at_ms)
        c.gateway.change(view.payment_no, late_money=undone)
        await c.until(lambda: (v := c.by_number(view.payment_no)) is not None and v.late_money == undone, within_s=300)
        await c.until(lambda: c.gateway.acked[view.payment_no] == 3)

    at_the_counter(tmp_path, story)


def test_a_shown_qr_waits_until_the_gateway_ends_it(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(qr=True), S.WAITING)
        assert view.qr == "https://pay/q"
        c.loop.call_later(
            120, lambda: c.gateway.settle(view.payment_no, GatewayState.NOT_PAID, proof=ProofKind.NEVER_OPENED)
        )
        done = await c.view(view.request_id or "", S.NOT_PAID, within_s=200)
        assert done.safe_to_rescan
        assert done.qr is None

    at_the_counter(tmp_path, story)


def test_a_qr_that_never_reached_the_gateway_is_buried_after_a_crash(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        await c.up()
        c.gateway.faults["pay"].append(Fault.REQUEST_LOST)
        view = await c.view(c.scan(qr=True), S.SENDING)
        await c.restart()
        await c.number_in(view.payment_no, S.NOT_PAID)

    at_the_counter(tmp_path, story)


def test_a_revoked_terminal_is_told_and_starts_nothing(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.refuse_all = Reason.TERMINAL_REVOKED
        assert await c.refused(c.scan()) is Reason.TERMINAL_REVOKED
        assert c.link is not None
        assert c.link.refusing is Reason.TERMINAL_REVOKED

    at_the_counter(tmp_path, story)


def test_an_upload_that_the_gateway_cannot_take_stops_the_upload_and_no_sale(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.refuse_journal = Reason.JOURNAL_FORK
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.view(c.scan(), S.PAID)
        await c.until(lambda: c.link is not None and c.link.upload_stopped is Reason.JOURNAL_FORK)
        await c.view(c.scan(), S.PAID)

    at_the_counter(tmp_path, story)


def test_a_delivery_goes_on_after_lost_answers_and_a_long_night_without_a_line(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        c.gateway.wallet = lambda _: GatewayState.PAID
        await c.up()
        c.gateway.faults["journal"].extend([Fault.ANSWER_LOST, Fault.REQUEST_LOST, Fault.CUT_BODY] * 3)
        for _ in range(5):
            c.gateway.faults["journal"].append(Fault.ANSWER_LOST)
            request = c.scan()
            await c.until(lambda r=request: c.last(r) is not None or bool(c.refusals(r)))
            await _sleep(30_000)
        await c.until(lambda: c.link is not None and c.link.unsent == 0, within_s=600)

    c = at_the_counter(tmp_path, story)
    assert len({entry.seq for entry in c.gateway.entries}) == len(c.gateway.entries)


def test_an_order_has_one_payment_in_force(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        assert await c.refused(c.scan(order_no=view.order_no)) is Reason.ORDER_OPEN
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID)
        assert await c.refused(c.scan(order_no=view.order_no)) is Reason.ORDER_PAID

    at_the_counter(tmp_path, story)


def test_no_room_on_the_disk_refuses_new_payments_and_finishes_running_ones(tmp_path: Path) -> None:
    async def story(c: Counter) -> None:
        view = await c.view(c.scan(), S.WAITING)
        c.room.reason = Reason.DISK_FULL
        assert await c.refused(c.scan()) is Reason.DISK_FULL
        c.gateway.settle(view.payment_no, GatewayState.PAID)
        await c.view(view.request_id or "", S.PAID)

    at_the_counter(tmp_path, story)
