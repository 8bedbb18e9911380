"""Selling without the line: the runner, a real journal, an anchor, a gateway that signs proofs. Virtual time."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from protocol.messages import ProofKey
from protocol.offline.proof import ProofType
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalState
from sync.anchor import APART
from sync.engine.model import Line, PaymentView, ProofView, Published
from sync.engine.statements import read_statement
from sync.journal.read import JournalReader
from terminal.reports.day import is_taken
from tests.contract.sync.fake_gateway import TERMINAL_ID, Fault
from tests.contract.sync.offline_counter import OfflineCounter, code_of, order_of, without_line

S = TerminalState


def kinds(counter: OfflineCounter) -> list[str]:
    return [entry.kind for entry in counter.journal.entries_after(0, limit=1_000, max_bytes=10**7)]


# --- the kit ----------------------------------------------------------------------------------------------------


def test_the_kit_is_fetched_when_the_line_is_up_and_kept_over_a_restart(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        assert [(asked.first, asked.wanted) for asked in c.kits] == [(1, 64)]
        assert kinds(c).count("offline.kit") == 1
        await c.restart()
        await c.up()
        await c.settle()
        assert len(c.kits) == 1

    without_line(tmp_path, story)


def test_the_kit_is_fetched_again_after_a_day(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.next_day()
        assert [(asked.first, asked.wanted) for asked in c.kits] == [(1, 64), (65, 0)]

    without_line(tmp_path, story)


def test_typed_codes_are_refilled_below_32(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        c.most_codes = 0
        await c.ready()
        await c.lose_line()
        for _ in range(33):
            c.park((await c.shown()).payment_no)
        await c.line_returns()
        await c.until(lambda: len(c.kits) == 2)
        assert (c.kits[1].first, c.kits[1].wanted) == (65, 33)

    without_line(tmp_path, story)


def test_without_a_kit_selling_goes_on_and_the_offline_qr_says_why_not(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        c.gateway.kit = None
        await c.up()
        await c.view(c.scan(), S.WAITING)
        await c.lose_line()
        assert await c.refused(c.show_offline()) is Reason.OFFLINE_NO_KIT

    without_line(tmp_path, story)


def test_a_kit_of_another_activation_is_not_kept(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        kit = c.gateway.kit
        assert kit is not None
        c.epoch = 2
        await c.up()
        await c.until(lambda: bool(c.kits))
        await c.settle()
        assert "offline.kit" not in kinds(c)

    without_line(tmp_path, story)


# --- the whole way ----------------------------------------------------------------------------------------------


def test_shown_paid_proven_and_confirmed_when_the_line_returns(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        assert order_of(view).order.terminal_id == TERMINAL_ID
        seen = await c.read(c.proof_of(view))
        assert (seen.accepted, seen.payment_no) == (True, view.payment_no)
        paid = await c.number_in(view.payment_no, S.PAID)
        assert (paid.channel, paid.transaction_tail) == ("wechat", "0042")
        assert kinds(c)[-2:] == ["offline.shown", "offline.proof"]
        c.scanned(view)
        await c.line_returns()
        await c.until(lambda: view.payment_no in c.gateway.acked)
        await c.settle()
        assert c.journal.unfinished(settled_since_ms=2**62) == ()

    counter = without_line(tmp_path, story)
    with JournalReader(counter.path) as reader:
        assert reader.verify().broken is None


def test_a_late_paid_at_sync_has_no_proof_and_is_paid(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        c.scanned(view)
        await c.line_returns()
        paid = await c.number_in(view.payment_no, S.PAID)
        assert paid.offline is not None
        assert paid.offline.proven_at_ms is None

    without_line(tmp_path, story)


def test_nobody_scanned_it_a_tombstone_proves_it(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        await c.line_returns()
        await c.settle(60)
        seen = c.by_number(view.payment_no)
        assert seen is not None
        assert seen.state is S.AWAITING_PROOF
        ended = await c.number_in(view.payment_no, S.NOT_PAID, within_s=900)
        assert ended.proof is not None
        assert (ended.proof.kind, ended.safe_to_rescan) == (ProofKind.TOMBSTONE, True)

    without_line(tmp_path, story)


@pytest.mark.parametrize("moment", ["shown", "parked", "cancelled", "proven"])
def test_a_restart_in_any_of_these_states_goes_on(tmp_path: Path, moment: str) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        text = c.proof_of(view)
        match moment:
            case "parked":
                c.park(view.payment_no)
            case "cancelled":
                c.cancel_offline(view.payment_no, goods_handed=False)
            case "proven":
                await c.read(text)
            case _:
                pass
        await c.settle(1)
        c.heard.clear()
        await c.restart()
        c.scanned(view, GatewayState.PAID if moment == "proven" else GatewayState.SENT)
        await c.settle(5)
        last = c.by_number(view.payment_no)
        assert last is not None
        expected = {"cancelled": S.CANCELLING, "proven": S.PAID}.get(moment, S.AWAITING_PROOF)
        assert last.state is expected
        seen = await c.read(text)
        reasons = {"cancelled": Reason.PROOF_CANCELLED, "proven": Reason.PROOF_USED}
        assert seen.reason is reasons.get(moment, Reason.PAID)

    without_line(tmp_path, story)


def test_cancelled_and_paid_is_told_when_the_line_returns(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        c.cancel_offline(view.payment_no, goods_handed=True)
        await c.number_in(view.payment_no, S.CANCELLING)
        following = await c.shown()
        assert order_of(following).order.says_cancelled(order_of(view).order.oseq)
        c.scanned(view)
        await c.line_returns()
        await c.number_in(view.payment_no, S.PAID)
        (intent,) = (
            read_statement(entry.body)
            for entry in c.journal.entries_after(0, limit=1_000, max_bytes=10**7)
            if entry.kind == "payment.cancel_intended"
        )
        assert getattr(intent, "goods_handed", None) is True

    without_line(tmp_path, story)


@pytest.mark.parametrize("proven", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_what_the_gateway_gave_back_of_a_cancelled_order_is_no_taking(
    tmp_path: Path, proven: bool, restarted: bool
) -> None:
    """A larger one goes back after a day: the till looks until then, and the money is in its sums that long."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        c.cancel_offline(view.payment_no, goods_handed=False)
        await c.number_in(view.payment_no, S.CANCELLING)
        c.scanned(view)
        if proven:
            assert (await c.read(c.proof_of(view))).reason is Reason.PROOF_CANCELLED
        await c.line_returns()
        await c.number_in(view.payment_no, S.PAID)
        await asyncio.sleep(24 * 3_600)
        if restarted:
            await c.restart()
            await c.up()
        assert [is_taken(one) for one in settled(c)] == [True]
        c.gateway.change(view.payment_no, given_back_ms=c.gateway_clock.wall_ms())
        await c.until(lambda: [is_taken(one) for one in settled(c)] == [False], within_s=2 * 3_600)
        assert [one.state for one in settled(c)] == [S.PAID]
        await asyncio.sleep(10)
        asked = c.gateway.kinds().count("query")
        await asyncio.sleep(3 * 3_600)
        assert c.gateway.kinds().count("query") == asked

    without_line(tmp_path, story)


def settled(c: OfflineCounter) -> tuple[PaymentView, ...]:
    with JournalReader(c.path) as journal:
        return journal.settled(since_ms=0, until_ms=2**53)


def test_a_closed_proof_is_green_and_the_order_stays_closed_at_sync(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        assert (await c.read(c.proof_of(view, ProofType.CLOSED))).accepted
        closed = await c.number_in(view.payment_no, S.NOT_PAID)
        assert closed.safe_to_rescan
        assert not (await c.read(c.proof_of(view))).accepted
        alarmed = [v for v in c.heard if isinstance(v, ProofView)][-1]
        assert alarmed.reason is Reason.PROOF_CONFLICT

    counter = without_line(tmp_path, story)
    with JournalReader(counter.path) as reader:
        assert reader.verify().broken is None


def test_a_status_qr_brings_the_answer_of_a_cut_payment(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        c.gateway.down = True
        request = c.scan()
        await c.lose_line()
        view = await c.view(request, S.UNKNOWN, S.NOT_PAID)
        if view.state is S.NOT_PAID:
            return
        c.show_status(view.payment_no)
        await c.until(lambda: (seen := c.by_number(view.payment_no)) is not None and seen.offline is not None)
        asked = c.by_number(view.payment_no)
        assert asked is not None
        assert (await c.read(c.proof_of(asked))).accepted

    without_line(tmp_path, story)


def test_a_number_that_never_arrived_is_confirmed_by_its_tombstone(tmp_path: Path) -> None:
    """A CLOSED proof speaks of an order; the gateway need not know the try that the till holds it for. The till asks
    once for that number's tombstone instead of asking for ever what nobody can answer."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        c.gateway.faults["pay"].append(Fault.REQUEST_LOST)
        request = c.scan()
        await c.settle(1)
        c.gateway.down = True
        view = await c.view(request, S.UNKNOWN)
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        c.show_status(view.payment_no)
        await c.until(lambda: (seen := c.by_number(view.payment_no)) is not None and seen.offline is not None)
        asked = c.by_number(view.payment_no)
        assert asked is not None
        assert (await c.read(c.proof_of(asked, ProofType.CLOSED))).accepted
        await c.line_returns()
        await c.until(lambda: view.payment_no in c.gateway.statuses)
        await c.settle()
        assert c.gateway.statuses[view.payment_no].state is GatewayState.NOT_PAID
        assert c.journal.unfinished(settled_since_ms=2**62) == ()

    without_line(tmp_path, story)


# --- typed codes ------------------------------------------------------------------------------------------------


def test_a_typed_code_is_tried_durably_and_frees_its_order(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        wrong = await c.type_code(view.payment_no, code_of(2))
        assert (wrong.reason, wrong.tries_left) == (Reason.TYPED_WRONG, 2)
        right = await c.type_code(view.payment_no, code_of(1))
        assert (right.accepted, right.typed) == (True, True)
        assert kinds(c)[-4:] == ["offline.shown", "offline.code_tried", "offline.code_tried", "offline.proof"]

    counter = without_line(tmp_path, story)
    written = (
        counter.path.read_bytes() + counter.path.with_name("journal.db-wal").read_bytes()
        if (counter.path.with_name("journal.db-wal").exists())
        else counter.path.read_bytes()
    )
    assert code_of(1).encode() not in written


def test_a_used_code_frees_no_other_order(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        first = await c.shown()
        await c.type_code(first.payment_no, code_of(1))
        second = await c.shown()
        assert (await c.type_code(second.payment_no, code_of(1))).reason is Reason.TYPED_WRONG
        assert (await c.type_code(second.payment_no, code_of(2))).accepted

    without_line(tmp_path, story)


def test_typed_money_of_a_day_is_bounded(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        c.most_codes = 8
        await c.ready()
        await c.lose_line()
        reasons: list[Reason] = []
        for index in range(1, 8):
            view = await c.shown(fen=50_000)
            reasons.append((await c.type_code(view.payment_no, code_of(index))).reason)
            if reasons[-1] is not Reason.PAID:
                c.park(view.payment_no)
        assert reasons == [*[Reason.PAID] * 6, Reason.TYPED_SHIFT_AMOUNT]

    without_line(tmp_path, story)


# --- keys -------------------------------------------------------------------------------------------------------


def test_rotation_old_kids_in_the_kit_still_count_and_dropped_ones_do_not(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        c.park(view.payment_no)
        text = c.proof_of(view)
        await c.line_returns()
        c.proof_keys = (ProofKey(kid=2, public_key=c.proof_keys[0].public_key), *c.proof_keys)
        await c.next_day()
        assert (await c.read(text)).reason in (Reason.PROOF_SETTLED, Reason.PAID, Reason.PROOF_CONFLICT)
        c.proof_keys = c.proof_keys[:1]
        await c.next_day()
        assert (await c.read(text)).reason is Reason.PROOF_UNKNOWN_KEY

    without_line(tmp_path, story)


def test_money_that_a_proof_showed_is_unsent_money_and_is_counted_once(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown(1250)
        assert unsent_fen(c) == 0
        assert (await c.read(c.proof_of(view))).accepted
        await c.settle()
        assert unsent_fen(c) == 1250
        await c.crash()
        await c.open()
        await c.until(lambda: c.link is not None and c.link.line is Line.DOWN)
        assert unsent_fen(c) == 1250
        with JournalReader(c.path) as reader:
            assert reader.unsent().fen == 1250
        c.gateway.refuse_journal = Reason.INTERNAL
        c.scanned(view)
        await c.line_returns()
        await c.until(lambda: view.payment_no in c.gateway.acked)
        await c.settle()
        assert unsent_fen(c) == 1250, "the gateway's own word is no second payment"
        with JournalReader(c.path) as reader:
            assert reader.unsent().fen == 1250
        c.gateway.refuse_journal = None
        await c.until(lambda: c.link is not None and c.link.unsent == 0)
        assert unsent_fen(c) == 0

    without_line(tmp_path, story)


def unsent_fen(c: OfflineCounter) -> int:
    assert c.link is not None
    return c.link.unsent_fen


# --- the anchor of tries -----------------------------------------------------------------------------------------


def test_a_try_is_in_the_anchor_before_its_code_is_compared(tmp_path: Path) -> None:
    """Putting an older disk back gives no try back."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        wrong = await c.type_code(view.payment_no, code_of(3))
        assert (wrong.accepted, wrong.tries_left) == (False, 2)
        assert kinds(c)[-1] == "offline.code_tried"
        assert c.anchor.record is not None
        assert c.anchor.record.seq == c.journal.head.seq

    without_line(tmp_path, story)


# --- the anchor -------------------------------------------------------------------------------------------------


def test_the_anchor_has_an_offline_entry_before_anybody_sees_its_effect(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        seen: list[int] = []

        def watch(told: Published) -> None:
            if isinstance(told, (PaymentView, ProofView)):
                assert c.anchor.record is not None
                seen.append(c.journal.head.seq - c.anchor.record.seq)

        c.watch = watch
        view = await c.shown()
        await c.read(c.proof_of(view))
        assert seen
        assert set(seen) == {0}
        assert c.anchor.record is not None
        assert (c.anchor.record.oseq, c.anchor.record.release) == (1, 1)

    without_line(tmp_path, story)


def test_a_disk_that_was_put_back_takes_no_proof_a_second_time(tmp_path: Path) -> None:
    """The very attack: copy the journal, take the proof, put the copy back, show the proof again."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        text = c.proof_of(view)
        await c.crash()
        shutil.copytree(tmp_path, tmp_path.with_name("copy"))
        await c.open()
        assert (await c.read(text)).accepted
        await c.crash()
        for file in tmp_path.iterdir():
            file.unlink()
        for file in tmp_path.with_name("copy").iterdir():
            shutil.copy(file, tmp_path / file.name)
        await c.open()
        assert (await c.read(text)).reason is Reason.ANCHOR_FAILED
        await c.settle(5)
        assert await c.refused(c.show_offline()) is Reason.ANCHOR_FAILED
        # The line returns, the gateway agrees: numbers go on above those that were used.
        await c.line_returns()
        await c.settle()
        await c.lose_line()
        c.park(view.payment_no)
        following = await c.shown()
        assert order_of(following).order.oseq == 2

    without_line(tmp_path, story)


def test_a_copied_disk_on_another_machine_sells_nothing_offline_until_the_gateway_agreed(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        c.anchor.name = "another machine"
        await c.restart()
        await c.settle(5)
        assert await c.refused(c.show_offline()) is Reason.ANCHOR_FAILED
        await c.line_returns()
        await c.settle()
        await c.lose_line()
        await c.shown()

    without_line(tmp_path, story)


@pytest.mark.parametrize("brought_along", [True, False])
def test_a_copied_disk_shares_no_offline_number_with_the_machine_it_was_copied_from(
    tmp_path: Path, brought_along: bool
) -> None:
    """That one may count on without a line. A bitmap of this one's would cancel what was paid there."""

    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        copied = await c.shown()
        c.anchor.name = "another machine"
        if not brought_along:
            c.anchor.record = None
        await c.restart()
        await c.line_returns()
        await c.settle()
        await c.lose_line()
        c.park(copied.payment_no)
        first = await c.shown()
        assert order_of(first).order.oseq == APART + 2
        await c.restart()
        await c.settle(5)
        c.park(first.payment_no)
        assert order_of(await c.shown()).order.oseq == APART + 3, "the machine is known now"

    without_line(tmp_path, story)


def test_a_chain_that_the_gateway_refuses_is_remembered_without_the_line(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        c.gateway.refuse_journal = Reason.JOURNAL_FORK
        await c.view(c.scan(), S.WAITING)
        await c.settle()
        await c.lose_line()
        assert await c.refused(c.show_offline()) is Reason.ANCHOR_FAILED
        await c.restart()
        await c.settle(5)
        assert await c.refused(c.show_offline()) is Reason.ANCHOR_FAILED

    without_line(tmp_path, story)


def test_an_anchor_that_cannot_be_written_stops_offline_orders_and_nothing_else(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        c.anchor.broken = True
        await c.ready()
        await c.view(c.scan(), S.WAITING)
        await c.lose_line()
        assert await c.refused(c.show_offline()) is Reason.ANCHOR_FAILED
        assert c.anchor.record is None

    without_line(tmp_path, story)


def test_sales_over_the_line_write_the_anchor_seldom(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        before = c.anchor.writes
        for _ in range(20):
            await c.view(c.scan(), S.WAITING)
        assert c.anchor.writes - before <= 2
        await c.settle(60)
        assert c.anchor.record is not None
        assert c.journal.head.seq - c.anchor.record.seq <= 2

    without_line(tmp_path, story)


# --- stopped by the gateway -------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.TERMINAL_FROZEN, Reason.TERMINAL_REVOKED])
def test_a_stopped_till_starts_nothing_new_and_asking_and_cancelling_go_on(tmp_path: Path, reason: Reason) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        open_one = await c.view(c.scan(), S.WAITING)
        c.gateway.stopped = reason
        refused = await c.view(c.scan(), S.NOT_PAID)
        assert refused.reason is reason
        assert await c.refused(c.scan()) is reason
        c.cancel(open_one.payment_no)
        await c.number_in(open_one.payment_no, S.CANCELLING)
        c.gateway.settle(open_one.payment_no, GatewayState.PAID)
        await c.number_in(open_one.payment_no, S.PAID)
        await c.lose_line()
        await c.restart()
        await c.settle(5)
        assert await c.refused(c.show_offline()) is reason

    without_line(tmp_path, story)


def test_a_stopped_till_notices_by_itself_that_it_may_sell_again(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        c.gateway.stopped = Reason.TERMINAL_FROZEN
        await c.view(c.scan(), S.NOT_PAID)
        c.gateway.stopped = None
        await c.settle(120)
        await c.view(c.scan(), S.WAITING)

    without_line(tmp_path, story)


def test_after_a_new_activation_numbers_begin_anew_and_open_rows_stay(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        old = await c.shown()
        c.park(old.payment_no)
        await c.settle(1)
        c.epoch = 2
        await c.restart()
        await c.line_returns()
        await c.until(lambda: len(c.kits) == 2)
        await c.settle()
        await c.lose_line()
        new = await c.shown()
        order = order_of(new).order
        assert (order.epoch, order.oseq, order.release) == (2, 1, 1)
        assert (await c.read(c.proof_of(old))).accepted

    without_line(tmp_path, story)


def test_losing_the_line_with_a_payment_at_the_counter_is_noted(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        await c.line_returns()
        assert "line.lost" not in kinds(c)
        await c.view(c.scan(), S.WAITING)
        await c.lose_line()
        assert kinds(c).count("line.lost") == 1

    without_line(tmp_path, story)


def test_a_sale_that_cash_covers_shows_no_offline_qr_any_more(tmp_path: Path) -> None:
    async def story(c: OfflineCounter) -> None:
        await c.ready()
        await c.lose_line()
        view = await c.shown()
        await c.read(c.proof_of(view, ProofType.CLOSED))
        await c.view(c.take_cash(1250, order_no=view.order_no), S.PAID)
        assert await c.refused(c.show_offline(order_no=view.order_no)) is Reason.ORDER_PAID

    without_line(tmp_path, story)
