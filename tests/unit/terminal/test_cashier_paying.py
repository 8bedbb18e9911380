"""A payment's life on the screen: every outcome is seen and heard, cancelling needs intent, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from msgspec.structs import replace as replace_proof

from protocol.messages import LateMoneyState, Light
from protocol.reasons import Reason
from protocol.states import ProofKind, TerminalState
from sync.engine.model import CommandRefused, Line
from terminal.cashier.effects import ReadHistory, Sound
from terminal.cashier.events import CloseAsked, Picked, Released
from terminal.cashier.keys import Command
from terminal.cashier.state import CANCEL_BOUNCE_MS, CANCEL_HOLD_MS, CANCEL_WINDOW_MS, NOTICE_MS, PULSE_MS
from terminal.cashier.view import Light as Lamp
from terminal.cashier.view import Page, Sign, Tone
from terminal.ui.text import load_catalogue
from tests.unit.terminal.conftest import link

T = TerminalState


@pytest.mark.parametrize(
    ("state", "big", "sign", "tone", "sound"),
    [
        (T.WAITING, "state.waiting", Sign.RING, Tone.WAITING, None),
        (T.UNKNOWN, "state.unknown", Sign.HATCHED_QUESTION, Tone.UNKNOWN, Sound.UNKNOWN),
        (T.CANCELLING, "state.cancelling", Sign.RING_OPEN, Tone.NOT_PAID, None),
        (T.PAID, "state.paid", Sign.DISC_TICK, Tone.PAID, Sound.PAID),
        (T.NOT_PAID, "state.not_paid_safe", Sign.SQUARE_CROSS, Tone.NOT_PAID, Sound.NOT_PAID),
    ],
)
def test_every_state_has_its_words_sign_colour_and_sound(
    counter: Any, state: TerminalState, big: str, sign: Sign, tone: Tone, sound: Sound | None
) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    panel = counter.panel
    assert (panel.big.key, panel.sign, panel.tone) == (big, sign, tone)
    assert counter.sounds[1:] == ([sound] if sound else [])


@pytest.mark.parametrize("state", [T.PAID, T.NOT_PAID])
def test_every_final_state_says_who_said_it_and_when(counter: Any, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    assert counter.panel.proof is not None
    assert "time" in dict(counter.panel.proof.values)


@pytest.mark.parametrize("state", [T.SENDING, T.WAITING, T.UNKNOWN, T.CANCELLING])
def test_an_open_state_shows_no_proof(counter: Any, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    assert counter.panel.proof is None


def test_an_outcome_is_heard_once(counter: Any) -> None:
    """Sync publishes whole pictures; the same picture again makes no second sound."""
    counter.sell()
    counter.tell(counter.payment(T.PAID))
    counter.tell(counter.payment(T.PAID))
    assert counter.sounds.count(Sound.PAID) == 1


def test_an_outcome_brings_the_home_screen_back(counter: Any) -> None:
    """A paid order is never left unnoticed behind another page."""
    counter.sell()
    counter.tell(counter.payment(T.WAITING))
    counter.press(Command.ORDERS)
    counter.tell(counter.payment(T.PAID))
    assert counter.state.page is Page.HOME


def test_an_older_try_changes_nothing(counter: Any) -> None:
    """News of payment 1 while payment 2 is in the panel is not taken for payment 2's."""
    counter.sell()
    counter.tell(counter.payment(T.NOT_PAID))
    counter.scan("134567890123456789")
    counter.tell(counter.payment(T.WAITING, n=2))
    counter.tell(replace(counter.payment(T.NOT_PAID), request_id=None))
    assert counter.panel.big.key == "state.waiting"


# --- cancel -------------------------------------------------------------------------------------------------------


def waiting(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.WAITING))


def test_one_press_does_not_cancel(counter: Any) -> None:
    """A slip of the finger cannot undo a paying customer; the key says what a second press does."""
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.say(Released(command=Command.CANCEL))
    counter.wait(CANCEL_WINDOW_MS - 1)
    assert counter.cancels == []
    assert counter.panel.actions[0].urgent


def test_a_second_press_cancels(counter: Any) -> None:
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.now_ms += CANCEL_BOUNCE_MS
    counter.press(Command.CANCEL)
    assert len(counter.cancels) == 1


def test_a_bouncing_key_does_not_cancel(counter: Any) -> None:
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.now_ms += CANCEL_BOUNCE_MS - 1
    counter.press(Command.CANCEL)
    assert counter.cancels == []


def test_holding_cancels_once(counter: Any) -> None:
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.wait(CANCEL_HOLD_MS)
    counter.wait(CANCEL_HOLD_MS)
    assert len(counter.cancels) == 1


def test_a_press_long_after_the_first_is_a_first_press(counter: Any) -> None:
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.say(Released(command=Command.CANCEL))
    counter.wait(CANCEL_WINDOW_MS + 1)
    counter.press(Command.CANCEL)
    assert counter.cancels == []


def test_a_settled_or_cancelling_payment_offers_no_cancel(counter: Any) -> None:
    waiting(counter)
    for state in (T.CANCELLING, T.PAID):
        counter.tell(counter.payment(state))
        assert Command.CANCEL not in counter.keys


def test_an_armed_cancel_ends_with_the_outcome(counter: Any) -> None:
    """Paid between the two presses: the second press clears nothing and cancels nothing."""
    waiting(counter)
    counter.press(Command.CANCEL)
    counter.tell(counter.payment(T.PAID))
    counter.now_ms += CANCEL_BOUNCE_MS
    counter.press(Command.CANCEL)
    assert counter.cancels == []


def test_esc_never_loses_an_open_payment(counter: Any) -> None:
    """Back and clear leave the payment where it is."""
    waiting(counter)
    assert Command.CLEAR not in counter.keys
    counter.press(Command.CLEAR)
    counter.press(Command.ORDERS)
    counter.press(Command.BACK)
    assert counter.panel.big.key == "state.waiting"


# --- unresolved, set aside, late ----------------------------------------------------------------------------------


def test_unknown_blocks_this_sale_until_it_is_set_aside(counter: Any) -> None:
    """No second charge by typing or scanning; the cashier sets it aside in so many words, then the next sale starts."""
    counter.sell()
    counter.tell(counter.payment(T.UNKNOWN))
    counter.type("5")
    counter.scan("134567890123456789")
    assert len(counter.starts) == 1
    counter.press(Command.PARK)
    assert counter.screen.banners[-1].text.key == "banner.parked"
    counter.type("5")
    counter.scan("134567890123456789")
    assert len(counter.starts) == 2


def test_unknown_pulses_until_it_settles(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.UNKNOWN))
    counter.wait(PULSE_MS)
    counter.wait(PULSE_MS)
    assert counter.sounds.count(Sound.UNKNOWN) == 3
    counter.tell(counter.payment(T.PAID))
    counter.wait(PULSE_MS)
    assert counter.sounds.count(Sound.UNKNOWN) == 3


@pytest.mark.parametrize(
    ("state", "sound", "banner"),
    [(T.PAID, Sound.LATE, "banner.late"), (T.NOT_PAID, Sound.NOT_PAID, "banner.settled_not_paid")],
)
def test_what_was_set_aside_rings_when_it_settles(
    counter: Any, state: TerminalState, sound: Sound, banner: str
) -> None:
    """It stays across the top until somebody says that they saw it."""
    counter.sell()
    counter.tell(counter.payment(T.UNKNOWN))
    settled = counter.payment(state)
    counter.press(Command.PARK)
    counter.type("5")
    counter.tell(settled)
    assert counter.sounds[-1] is sound
    assert counter.screen.banners[0].text.key == banner
    assert counter.state.entry == "5"
    counter.wait(60_000)
    assert counter.screen.banners[0].text.key == banner
    counter.press(Command.ACKNOWLEDGE)
    assert counter.screen.banners == ()


def test_what_the_last_run_left_open_is_shown_and_rings(counter: Any) -> None:
    """After a restart an open payment has no sale in the panel: it is listed, blocks nothing, and its end is heard."""
    left = replace(counter.payment(T.UNKNOWN, seed=7), request_id=None)
    counter.tell(left)
    assert counter.screen.banners[-1].text.key == "banner.parked"
    assert counter.home.recent[0].sign is Sign.HATCHED_QUESTION
    counter.tell(replace(counter.payment(T.PAID, seed=7), request_id=None))
    assert counter.sounds[-1] is Sound.LATE


def test_old_outcomes_at_start_are_quiet(counter: Any) -> None:
    """What was final before this run fills the list and makes no sound."""
    counter.tell(replace(counter.payment(T.PAID, seed=8), request_id=None))
    assert counter.sounds == []
    assert len(counter.home.recent) == 1


@pytest.mark.parametrize(("state", "banners"), [(LateMoneyState.UNDONE, 0), (LateMoneyState.FOUND, 1)])
def test_at_start_only_late_money_that_needs_somebody_is_shown(
    counter: Any, state: LateMoneyState, banners: int
) -> None:
    """Money that was sent back before this run is old news; money that is still there is not."""
    counter.tell(replace(counter.late(counter.payment(T.NOT_PAID, seed=8), state), request_id=None))
    assert len(counter.screen.banners) == banners


def test_late_money_of_the_sale_in_the_panel_rings(counter: Any) -> None:
    counter.sell()
    lost = counter.payment(T.NOT_PAID)
    counter.tell(lost)
    counter.tell(counter.late(lost))
    assert counter.sounds[-1] is Sound.LATE
    assert counter.panel.big.key == "state.late"


@pytest.mark.parametrize("second", [T.WAITING, T.UNKNOWN, T.PAID, T.NOT_PAID])
@pytest.mark.parametrize(
    ("late", "banner"), [(LateMoneyState.FOUND, "banner.late"), (LateMoneyState.UNDONE, "banner.late_undone")]
)
def test_late_money_of_the_try_before_is_told_beside_the_try_that_is_in_the_panel(
    counter: Any, second: TerminalState, late: LateMoneyState, banner: str
) -> None:
    """The first payer's money came after all while the second pays: the cashier must not hear of it hours later."""
    counter.sell()
    first = counter.payment(T.NOT_PAID)
    counter.tell(first)
    counter.scan("134567890123456789")
    again = counter.payment(second, n=2)
    counter.tell(again)
    panel = counter.panel
    counter.tell(first)
    assert counter.screen.banners == ()
    counter.effects.clear()
    counter.tell(counter.late(first, late))
    counter.tell(counter.late(first, late))
    assert counter.sounds == [Sound.LATE]
    assert counter.screen.banners[0].text.key == banner
    assert counter.screen.banners[0].tone is Tone.UNKNOWN, "green is for goods that may go"
    assert counter.state.sale.payment is again
    assert counter.panel == replace(panel, actions=counter.panel.actions)


def test_late_money_of_a_sale_long_gone_rings_once(counter: Any) -> None:
    counter.sell()
    lost = counter.payment(T.NOT_PAID)
    counter.tell(lost)
    counter.press(Command.CLEAR)
    counter.tell(counter.late(lost))
    counter.tell(counter.late(lost))
    assert counter.sounds.count(Sound.LATE) == 1
    assert counter.screen.banners[0].text.key == "banner.late"


# --- the line, notices, closing -----------------------------------------------------------------------------------


def test_losing_the_line_is_heard_once_and_shown(counter: Any) -> None:
    down = replace(counter.state.link, line=Line.DOWN)
    counter.tell(down)
    counter.tell(down)
    assert counter.sounds == [Sound.OFFLINE]
    assert counter.screen.banners[0].text.key == "banner.offline_cash"


def test_a_wrong_clock_warns_and_sells(counter: Any) -> None:
    """Skew is a warning, never a reason not to sell."""
    counter.tell(replace(counter.state.link, clock_skew_ms=600_000, clock_warning=True))
    assert dict(counter.screen.banners[0].text.values) == {"minutes": 10}
    counter.sell()
    assert len(counter.starts) == 1


def test_a_refused_cancel_is_said_and_the_payment_stays(counter: Any) -> None:
    waiting(counter)
    counter.tell(CommandRefused(request_id=counter.payment(T.WAITING).payment_no, reason=Reason.INTERNAL))
    assert counter.screen.banners[0].text.key == "reason.internal"
    assert counter.panel.big.key == "state.waiting"


def test_a_notice_goes_away(counter: Any) -> None:
    counter.scan("6901234567892")
    counter.wait(NOTICE_MS)
    assert counter.panel.big.key == "state.ready"


def test_closing_with_an_open_sale_is_answered(counter: Any) -> None:
    waiting(counter)
    counter.say(CloseAsked())
    assert [line.key for line in counter.screen.body.lines] == ["leaving.open", "leaving.kept", "leaving.todo"]


# --- a refused second try -----------------------------------------------------------------------------------------


def again_refused(counter: Any, reason: Reason, *, qr: bool = False) -> None:
    """The sale in the panel is proven not paid, its next try is refused by sync."""
    counter.sell()
    counter.tell(counter.payment(T.NOT_PAID))
    if qr:
        counter.press(Command.SHOW_QR)
    else:
        counter.scan("134567890123456789")
    counter.tell(CommandRefused(request_id=counter.starts[-1].request_id, reason=reason))


@pytest.mark.parametrize("reason", [Reason.LATE_MONEY, Reason.ORDER_PAID, Reason.ORDER_OPEN, Reason.DISK_FULL])
@pytest.mark.parametrize("qr", [False, True])
def test_after_a_refused_second_try_the_next_scan_is_still_of_that_sale(counter: Any, reason: Reason, qr: bool) -> None:
    """Otherwise a sale that is paid, or may be, would be charged under a new one, and nobody would see that."""
    again_refused(counter, reason, qr=qr)
    first = counter.starts[-1]
    counter.wait(NOTICE_MS)
    counter.scan("134567890123456780")
    assert len(counter.starts) == 3
    assert (counter.starts[-1].order_no, counter.starts[-1].sale_id) == (first.order_no, first.sale_id)
    assert first.order_no is not None


def test_a_refused_second_try_shows_the_newest_picture_of_the_first(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.NOT_PAID))
    before = counter.state.sale.payment
    counter.scan("134567890123456789")
    counter.tell(replace(counter.late(before), request_id=None))
    counter.tell(CommandRefused(request_id=counter.starts[-1].request_id, reason=Reason.LATE_MONEY))
    counter.wait(NOTICE_MS)
    assert counter.panel.big.key == "state.late"
    assert len(counter.starts) == 2


@pytest.mark.parametrize("reason", [Reason.LATE_MONEY, Reason.ORDER_PAID, Reason.ORDER_OPEN])
def test_nobody_is_told_to_try_again_what_is_paid_or_may_be(counter: Any, reason: Reason) -> None:
    again_refused(counter, reason)
    panel = counter.panel
    assert panel.big.key != "reason.other"
    assert panel.todo is not None
    assert panel.todo.key != "command_refused_todo"


@pytest.mark.parametrize(
    ("reason", "todo"), [(Reason.ORDER_PAID, "sale_paid_todo"), (Reason.ORDER_OPEN, "sale_open_todo")]
)
def test_a_try_that_the_gateway_refused_for_another_one_is_not_called_safe(
    counter: Any, reason: Reason, todo: str
) -> None:
    counter.sell()
    counter.tell(replace(counter.payment(T.NOT_PAID, reason=reason), safe_to_rescan=False, light=None))
    assert (counter.panel.big.key, counter.panel.todo.key) == ("state.not_paid", todo)


# --- no more than is proven ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(ProofKind))
@pytest.mark.parametrize("reason", [Reason.CANCELLED, Reason.TIMED_OUT])
def test_that_nothing_was_charged_is_said_only_where_that_is_proven(
    counter: Any, kind: ProofKind, reason: Reason
) -> None:
    """An order that was closed or given back may have taken money first: its phone shows that."""
    counter.sell()
    view = counter.payment(T.NOT_PAID, reason=reason)
    counter.tell(replace(view, proof=replace_proof(view.proof, kind=kind)))
    untouched = {"state.not_paid_todo", "state.cancelled_todo"}
    may_have_taken = kind in (ProofKind.CLOSED, ProofKind.REFUNDED)
    assert (counter.panel.todo.key in untouched) is not may_have_taken
    # Money that came and went back was paid by somebody, if too late.
    if reason is Reason.TIMED_OUT:
        came_too_late = kind is ProofKind.REFUNDED
        assert (counter.panel.customer.key == "state.went_back_customer") is came_too_late


def test_that_money_goes_back_is_said_only_once_the_gateway_has_said_so(counter: Any) -> None:
    """A cancel that only this till knows may come after the payment, which is then paid."""
    counter.sell()
    view = counter.payment(T.CANCELLING)
    counter.tell(view)
    assert counter.panel.customer.key == "state.unknown_customer"
    counter.tell(replace(view, light=Light.AMBER))
    assert counter.panel.customer.key == "state.cancelling_customer"


def test_nobody_hands_over_goods_for_money_that_may_go_back() -> None:
    """Late money is refunded by rule, or waits for the owner's word: until then it pays for nothing."""
    for language in ("zh_CN", "zh_TW", "en"):
        told = load_catalogue(language).sentences["state.late_todo"].lower()
        assert not told.startswith(("hand over", "可以交"))


@pytest.mark.parametrize("state", [T.WAITING, T.UNKNOWN])
def test_a_first_press_of_cancel_asks_for_the_second_in_the_panel(counter: Any, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    before = counter.panel.todo
    counter.press(Command.CANCEL)
    counter.say(Released(command=Command.CANCEL))
    assert counter.panel.todo.key == "state.cancel_armed"
    counter.wait(CANCEL_WINDOW_MS + 1)
    assert counter.panel.todo.key == before.key


def test_the_recent_list_shows_each_order_by_its_latest_try(counter: Any) -> None:
    """Whichever is told last."""
    other = counter.payment(T.PAID, seed=4)
    first = counter.payment(T.NOT_PAID, seed=5)
    for seen in (other, counter.payment(T.PAID, seed=5, n=2), counter.late(first)):
        counter.tell(replace(seen, request_id=None))
    assert [(seen.order_no, seen.n) for seen in counter.state.recent] == [(first.order_no, 2), (other.order_no, 1)]


def test_the_history_of_the_order_that_is_looked_at_is_read_again_when_it_moves(counter: Any) -> None:
    shown, other = counter.payment(T.UNKNOWN, seed=5), counter.payment(T.UNKNOWN, seed=6)
    for seen in (shown, other):
        counter.tell(replace(seen, request_id=None))
    counter.press(Command.ORDERS)
    counter.say(Picked(name="order", value=shown.order_no))
    counter.effects.clear()
    counter.tell(replace(other, state=T.PAID, request_id=None))
    assert ReadHistory(order_no=shown.order_no) not in counter.effects
    counter.tell(replace(shown, state=T.PAID, request_id=None))
    assert ReadHistory(order_no=shown.order_no) in counter.effects


def test_the_clock_lamp_is_lit_only_while_the_clock_is_wrong(counter: Any) -> None:
    def lamp() -> tuple[str, Lamp]:
        clock = counter.screen.status.lamps[3]
        return clock.word.key, clock.light

    counter.tell(link())
    good = lamp()
    counter.tell(link(skew_ms=90_000))
    assert (good[0], lamp()[0]) == ("lamp.clock_ok", "lamp.clock_bad")
    assert (good[1], lamp()[1]) == (Lamp.OK, Lamp.BAD)


def test_a_scan_that_was_taken_says_nothing_of_cancelling_until_it_is_pressed(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.SENDING))
    told = [counter.panel.todo]
    counter.press(Command.CANCEL)
    told.append(counter.panel.todo)
    assert [said and said.key for said in told] == [None, "state.cancel_armed"]
