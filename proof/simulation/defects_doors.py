"""Defects of what the gateway takes in: orders and their numbers, codes, acknowledgements, signatures and time.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

DOORS: Final = (
    Defect(
        name="an order goes on after its cancel",
        trips=by("earlier_numbers_are_dead"),
        file="gateway/payments/admit.py",
        old=(
            "    if any(p.cancel_requested_ms is not None for p in earlier):\n"
            "        return Refused(reason=Reason.ORDER_CANCELLED)\n"
        ),
        new="",
    ),
    Defect(
        name="a lower number may still come",
        trips=by("earlier_numbers_are_dead"),
        file="gateway/payments/admit.py",
        old="missing = tuple(i for i in range(1, n) if i not in seen)",
        new="missing = tuple(i for i in range(1, 1) if i not in seen)",
    ),
    Defect(
        name="an acknowledgement of what is not so is taken",
        trips=by("an_acknowledgement_is_true"),
        file="gateway/api/paying.py",
        old=(
            "if not payment.state.final or request.state is not payment.state or request.state_seq > payment.state_seq:"
        ),
        new="if request.state_seq > payment.state_seq:",
    ),
    Defect(
        name="a nonce is good for two",
        trips=by("a_nonce_is_used_once"),
        file="gateway/store/guards.py",
        old=('    return tx.change(_ADD_NONCE, {"keyid": keyid, "nonce": nonce, "at_ms": now_ms}) == 1\n'),
        new="    return True\n",
    ),
    Defect(
        name="a signature is good for ever",
        trips=by("a_signature_has_its_time"),
        file="gateway/api/caller.py",
        old="    if not within_window(verified, now_s=clock.now_ms() // 1000):\n",
        new="    if verified is None:\n",
    ),
    Defect(
        name="the signature of a wallet is not checked",
        trips=by("an_end_was_seen", "a_proof_is_true", "gateway_paid_is_true", "done_refunds_are_true"),
        file="gateway/channels/wechat/v2_answers.py",
        old=(
            "        if not is_signed(values, self.keys.key, self.keys.sign_type):\n"
            "            return Unknown(reason=ChannelReason.BAD_SIGNATURE)\n"
        ),
        new="",
    ),
    Defect(
        name="a payer who still types has declined",
        trips=by("no_charge_after_a_proof", "a_proof_is_true", "green_is_safe"),
        file="gateway/channels/wechat/v2_answers.py",
        old="return self._about(fields, Pending(payer_prompted=True))",
        new=("return self._about(fields, Declined(code=fields.refusal, reason=ChannelReason.PAYER_GAVE_UP))"),
    ),
    Defect(
        name="a refusal in no list is a decline",
        trips=by("a_proof_is_true", "no_charge_after_a_proof"),
        file="gateway/channels/alipay/responses.py",
        old=(
            "            return unsettled(node)\n"
            "        if wrong := self.ours.differences(node, self.ref):\n"
            "            return Mismatch(fields=wrong)\n"
            "        return Declined(code=node.refusal, reason=codes.NOT_CHARGED[node.refusal])"
        ),
        new=(
            "            from gateway.channels.port import ChannelReason\n"
            "            return Declined(code=node.refusal, reason=ChannelReason.RISK)\n"
            "        if wrong := self.ours.differences(node, self.ref):\n"
            "            return Mismatch(fields=wrong)\n"
            "        return Declined(code=node.refusal, reason=codes.NOT_CHARGED[node.refusal])"
        ),
        profile="default",
    ),
    Defect(
        name="a wallet is asked at another account",
        trips=by("calls_go_to_their_own_account"),
        file="gateway/jobs/desk.py",
        old=(
            "        verdict = await self._calls.perform(\n"
            "            order.account_id, lambda channel: channel.query(ref"
        ),
        new=(
            "        verdict = await self._calls.perform(\n"
            "            order.account_id[:-1] + '0', lambda channel: channel.query(ref"
        ),
    ),
    Defect(
        name="a payment that waits for its buyer is closed",
        trips=by("a_proof_is_true", "an_end_was_seen"),
        file="gateway/channels/alipay/responses.py",
        old=(
            '                return self._stated(node, Pending(payer_prompted=True))\n            case "TRADE_CLOSED":'
        ),
        new=('                return self._stated(node, Closed(code="WAIT"))\n            case "TRADE_CLOSED":'),
    ),
    Defect(
        name="what a wallet does not know is closed",
        trips=by("a_proof_is_true", "an_end_was_seen"),
        file="gateway/channels/alipay/responses.py",
        old=("            return Mismatch(fields=wrong) if wrong else NotFound(code=codes.NOT_FOUND)"),
        new="            return Mismatch(fields=wrong) if wrong else Closed(code=codes.NOT_FOUND)",
    ),
    Defect(
        name="a request that was accepted is paid",
        trips=by("gateway_paid_is_true"),
        file="gateway/channels/unionpay/responses.py",
        old=(
            '            return Pending(payer_prompted=code == "70")\n'
            "        return _refusal(message)\n"
            "\n"
            "    def order_qr"
        ),
        new=(
            "            from gateway.channels.port import Paid\n"
            "            return Paid(transaction_id=message.query_id, "
            "amount_fen=self.asked.amount_fen, paid_at_ms=None, payer_tail='')\n"
            "        return _refusal(message)\n"
            "\n"
            "    def order_qr"
        ),
    ),
)
