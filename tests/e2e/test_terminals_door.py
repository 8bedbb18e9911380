"""The owner's words about tills and proof keys through the door of a running gateway: they count from the next call."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.keys import public_text, terminal_keyid
from protocol.messages import OfflineKit, OfflineKitRequest, PaymentStatus, Problem, decode, encode
from protocol.reasons import Reason
from tests.contract.gateway.gateway_process import Till, new_payment
from tests.e2e.shop import Counter, guitai


def owner(counter: Counter, *words: str) -> dict[str, object]:
    done = guitai("gateway", *words, "--json", "--database", str(counter.folder / "gateway" / "gateway.db"))
    assert done.status == 0, done.lines
    return dict(done.result)


def kit_of(till: Till, key: Ed25519PrivateKey) -> OfflineKit | Problem:
    request = OfflineKitRequest(first=1, wanted=1, offline_key=public_text(key))
    answer = till.call("POST", "/v1/offline/kit", encode(request))
    return decode(OfflineKit, answer.body) if answer.status == 200 else decode(Problem, answer.body)


def test_a_till_is_switched_off_at_once_and_comes_back_with_its_own_code(counter: Counter) -> None:
    till = Till(counter.shop.gateway)
    terminal_id = till.activate(counter.shop.activation_code).terminal_id
    assert isinstance(till.pay(new_payment(counter.code("pay"), 1250)), PaymentStatus)
    owner(counter, "terminals", "revoke", terminal_id)
    refused = till.pay(new_payment(counter.code("pay"), 1250))
    assert isinstance(refused, Problem)
    assert (refused.reason, refused.status) == (Reason.TERMINAL_REVOKED, 403)
    code = str(owner(counter, "terminals", "reissue", terminal_id)["activation_code"])
    till.keyid = ""
    answer = till.activate(code)
    assert (answer.terminal_id, answer.epoch) == (terminal_id, 2)
    till.keyid = terminal_keyid(terminal_id, 2)
    assert isinstance(till.pay(new_payment(counter.code("pay"), 1250)), PaymentStatus)


def test_a_rotation_is_in_the_next_kit_and_the_key_before_still_counts(counter: Counter) -> None:
    till = Till(counter.shop.gateway)
    till.activate(counter.shop.activation_code)
    key = Ed25519PrivateKey.from_private_bytes(os.urandom(32))
    before = kit_of(till, key)
    assert isinstance(before, OfflineKit)
    owner(counter, "proof-keys", "rotate")
    after = kit_of(till, key)
    assert isinstance(after, OfflineKit)
    assert after.proof_keys[0] == before.proof_keys[1]
    assert before.proof_keys[0] in after.proof_keys[2:]
    assert after.codes == before.codes
    owner(counter, "proof-keys", "compromise", str(before.proof_keys[0].kid))
    last = kit_of(till, key)
    assert isinstance(last, OfflineKit)
    assert before.proof_keys[0] not in last.proof_keys
