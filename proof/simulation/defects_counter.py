"""Defects of the till: what it sends and shows, what it takes up after a restart, what a bad disk does to it.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

COUNTER: Final = (
    Defect(
        name="not one byte of the second send is a proof",
        trips=by("green_is_safe", "all_agree", "no_charge_after_a_proof", "one_charge_kept_per_sale"),
        file="sync/engine/silence.py",
        old="why is Silence.NOT_SENT and live.sends == 1",
        new="why is Silence.NOT_SENT",
    ),
    Defect(
        name="a cancel is journaled and not sent",
        trips=by("cancels_are_sent"),
        file="sync/engine/start.py",
        old="    turn.keep(replace(live, cancel=Job(due_ms=turn.now.mono_ms)))\n",
        new="    turn.keep(live)\n",
    ),
    Defect(
        name="a restart of the till forgets its cancel",
        trips=by("cancels_are_sent"),
        file="sync/engine/step.py",
        old="cancel=due if live.record.cancel_intended else Job()))",
        new="cancel=Job()))",
        profile="storm",
    ),
    Defect(
        name="a restart of the till forgets to ask",
        trips=by("all_agree"),
        file="sync/engine/step.py",
        old="ask=due, cancel=due if",
        new="ask=Job(), cancel=due if",
        profile="crash",
    ),
    Defect(
        name="the till does not look for late money",
        trips=by("late_money_is_undone"),
        file="sync/engine/schedule.py",
        old=(
            "    return record.state is TerminalState.NOT_PAID and record.proof is not None and "
            "record.proof.kind in _WATCHED"
        ),
        new="    return False",
        profile="late",
    ),
    Defect(
        name="a restart of the till forgets to acknowledge",
        trips=by("all_acknowledged", "paid_is_noticed", "nobody_is_needed"),
        file="sync/journal/known.py",
        old="or ack_due_seq > acked_seq or late_money",
        new="or late_money",
        profile="crash",
    ),
    Defect(
        name="a restart of the till forgets its refunds",
        trips=by("refunds_are_driven_to_the_end"),
        file="sync/journal/known.py",
        old="\"state not in ('DONE', 'FAILED') order by",
        new="\"state = 'CREATED' and 1 = 0 order by",
        profile="crash",
    ),
    Defect(
        name="late money is not in the journal's rows",
        trips=by("late_money_is_undone"),
        file="sync/engine/record.py",
        old=("                late_money=statement.late_money,\n                state_seq=statement.state_seq,"),
        new="                state_seq=statement.state_seq,",
        profile="late",
    ),
    Defect(
        name="an answer is lost when the disk fails",
        trips=by("all_agree", "silence_is_shown"),
        file="sync/runner.py",
        old=("        elif not isinstance(event, Wake):\n            self._waiting.append(event)\n"),
        new="",
    ),
    Defect(
        name="a commit that failed is taken as undone",
        trips=by("all_agree", "chains_are_gapless", "no_program_falls_over", "till_never_goes_back"),
        file="sync/journal/journal.py",
        old=(
            "            try:\n"
            "                self._reopen()\n"
            "            except SyncError as unreadable:\n"
            "                raise CommitUnknownError(unreadable, statements, seq=after.seq, digest=after.hash)"
            " from error\n"
            "            if self._head != after:\n"
            "                raise trouble(error) from error\n"
            "            return after"
        ),
        new="            raise trouble(error) from error",
    ),
    Defect(
        name="an outcome is shown before it is journaled",
        trips=by("what_is_shown_is_journaled"),
        file="sync/runner.py",
        old=(
            "        self._commit(effects, state, now)\n"
            "        self._state = state\n"
            "        return effects\n"
            "\n"
            "    def _commit"
        ),
        new=(
            "        for effect in effects:\n"
            "            if isinstance(effect, Publish):\n"
            "                self._publish(effect.view)\n"
            "        self._commit(effects, state, now)\n"
            "        self._state = state\n"
            "        return effects\n"
            "\n"
            "    def _commit"
        ),
    ),
    Defect(
        name="silence is shown as waiting",
        trips=by("silence_is_shown"),
        file="sync/engine/silence.py",
        old=("    if isinstance(terminal_next(live.record.state, TerminalEvent.SILENCE), TerminalState):\n"),
        new=(
            "    if isinstance(terminal_next(live.record.state, TerminalEvent.SILENCE), "
            "TerminalState) and why is Silence.RESTARTED:\n"
        ),
    ),
    Defect(
        name="a request lives by the wall clock",
        trips=by("a_retry_repeats_itself"),
        file="sync/engine/start.py",
        old="        expires=turn.at_ms + PAY_REQUEST_LIFE_MS,",
        new="        expires=turn.now.wall_ms + PAY_REQUEST_LIFE_MS,",
    ),
    Defect(
        name="a request lives for a quarter of an hour",
        trips=by("a_retry_repeats_itself"),
        file="protocol/messages.py",
        old="PAY_REQUEST_LIFE_MS: Final = 15_000",
        new="PAY_REQUEST_LIFE_MS: Final = 900_000",
    ),
    Defect(
        name="an answer is not bound to its request",
        trips=by("nobody_is_needed", "paid_is_true", "all_agree", "no_program_falls_over", "chains_are_gapless"),
        file="sync/link/calls.py",
        old=(
            "    verified = verify_response(response, request=request, find_key=find_key)\n"
            "    if isinstance(verified, SignatureRefusal):"
        ),
        new=(
            "    verified = verify_response(response, request=request, find_key=find_key)\n"
            "    if isinstance(verified, SignatureRefusal) and 'signature' in response.headers "
            "and response.status == 200:\n"
            "        return _Accepted(response.body, 'x')\n"
            "    if isinstance(verified, SignatureRefusal):"
        ),
    ),
    Defect(
        name="all entries count as delivered",
        trips=by("chains_are_gapless", "all_agree"),
        file="sync/delivery.py",
        old="            self._journal.mark_delivered(answer.accepted_through)\n",
        new="            self._journal.mark_delivered(self._journal.head.seq)\n",
    ),
    Defect(
        name="the payment code is journaled",
        trips=by("codes_are_in_no_file"),
        file="sync/engine/start.py",
        old=(
            "            subject=command.subject,\n"
            "            operator=command.operator,\n"
            "        )\n"
            "    )\n"
            "    request"
        ),
        new=(
            "            subject=command.auth_code.reveal() if command.auth_code is not None "
            "else command.subject,\n"
            "            operator=command.operator,\n"
            "        )\n"
            "    )\n"
            "    request"
        ),
        profile="calm",
    ),
    Defect(
        name="the light stays green with late money",
        trips=by("a_light_is_true"),
        file="sync/engine/views.py",
        old=("return safe_to_rescan(record.state, record.proof) and record.late_money is None and not record.conflict"),
        new="return safe_to_rescan(record.state, record.proof) and not record.conflict",
        profile="late",
    ),
)
