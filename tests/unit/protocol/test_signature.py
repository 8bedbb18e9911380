"""The signature profile: exact coverage, any altered bit is refused, an answer answers one request only."""

from base64 import b64encode
from collections.abc import Callable, Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.signature import (
    RequestParts,
    ResponseParts,
    SignatureRefusal,
    Verified,
    journal_header,
    read_journal_header,
    sign_request,
    sign_response,
    verify_request,
    verify_response,
    within_window,
)
from protocol.signature.profile import LABEL, TAG, request_components, request_value, signature_base

TILL = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
GATEWAY = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
NONCE = bytes(range(16))


def keys(key: Ed25519PrivateKey, keyid: str) -> Callable[[str], Ed25519PublicKey | None]:
    return lambda asked: key.public_key() if asked == keyid else None


def signed_request(*, body: bytes = b'{"a":1}', nonce: bytes = NONCE, path: str = "/v1/payments") -> RequestParts:
    headers = {"content-type": "application/json", "guitai-journal": journal_header(7, "ab" * 32)} if body else {}
    parts = RequestParts(
        method="POST" if body else "GET",
        authority="127.0.0.1:8080",
        path=path,
        query="wait=25",
        headers=headers,
        body=body,
    )
    return replace(parts, headers=sign_request(parts, key=TILL, keyid="T1", created_s=1000, nonce=nonce))


def signed_answer(request: RequestParts, *, status: int = 200, body: bytes = b'{"b":2}') -> ResponseParts:
    plain = ResponseParts(status=status, headers={"content-type": "application/json"}, body=body)
    headers = sign_response(plain, request=request, key=GATEWAY, keyid="G1", created_s=1001, nonce=NONCE)
    return replace(plain, headers=headers)


@pytest.mark.parametrize("body", [b"", b'{"a":1}'])
def test_a_good_request_and_its_answer_are_believed(body: bytes) -> None:
    request = signed_request(body=body)
    verified = verify_request(request, find_key=keys(TILL, "T1"))
    assert isinstance(verified, Verified)
    assert (verified.keyid, verified.created_s) == ("T1", 1000)
    answer = verify_response(signed_answer(request), request=request, find_key=keys(GATEWAY, "G1"))
    assert isinstance(answer, Verified)


ALTERED: list[Callable[[RequestParts], RequestParts]] = [
    lambda r: replace(r, method="PUT"),
    lambda r: replace(r, authority="127.0.0.1:8081"),
    lambda r: replace(r, path="/v1/payments/x"),
    lambda r: replace(r, query="wait=26"),
    lambda r: replace(r, headers={**r.headers, "content-type": "text/plain"}),
    lambda r: replace(r, headers={**r.headers, "guitai-journal": journal_header(8, "ab" * 32)}),
    lambda r: replace(r, headers={**r.headers, "content-digest": "sha-256=:AAAA:"}),
    lambda r: replace(r, body=r.body + b" "),
    lambda r: replace(r, headers={k: v for k, v in r.headers.items() if k != "signature"}),
    lambda r: replace(r, headers={k: v for k, v in r.headers.items() if k != "guitai-journal"}),
    lambda r: replace(
        r, headers={**r.headers, "signature-input": r.headers["signature-input"].replace("1000", "1001")}
    ),
    lambda r: replace(r, headers={**r.headers, "signature-input": r.headers["signature-input"].replace("T1", "T2")}),
    lambda r: replace(
        r, headers={**r.headers, "signature-input": r.headers["signature-input"].replace('"content-digest" ', "")}
    ),
    lambda r: replace(
        r, headers={**r.headers, "signature-input": r.headers["signature-input"].replace("guitai-v1", "other")}
    ),
    lambda r: replace(r, headers={**r.headers, "signature": r.headers["signature"].replace("guitai=", "sig1=")}),
]


@pytest.mark.parametrize("alter", ALTERED)
def test_an_altered_request_is_refused(alter: Callable[[RequestParts], RequestParts]) -> None:
    assert isinstance(verify_request(alter(signed_request()), find_key=keys(TILL, "T1")), SignatureRefusal)


@given(st.sampled_from(["signature", "signature-input", "content-digest"]), st.integers(0, 400), st.integers(1, 127))
def test_any_flipped_character_of_a_signature_header_is_refused(name: str, place: int, flip: int) -> None:
    request = signed_request()
    text = request.headers[name]
    at = place % len(text)
    altered = text[:at] + chr(ord(text[at]) ^ flip) + text[at + 1 :]
    changed = replace(request, headers={**request.headers, name: altered})
    assert isinstance(verify_request(changed, find_key=keys(TILL, "T1")), SignatureRefusal)


def test_an_answer_to_another_request_is_refused() -> None:
    mine, other = signed_request(), signed_request(nonce=bytes(16))
    answer = signed_answer(other)
    assert verify_response(answer, request=mine, find_key=keys(GATEWAY, "G1")) is SignatureRefusal.WRONG


ALTERED_ANSWERS: list[tuple[Callable[[ResponseParts], ResponseParts], SignatureRefusal]] = [
    (lambda a: replace(a, status=201), SignatureRefusal.WRONG),
    (lambda a: replace(a, body=b'{"b":3}'), SignatureRefusal.WRONG_DIGEST),
    (lambda a: replace(a, body=a.body[:-1]), SignatureRefusal.WRONG_DIGEST),
    (lambda a: replace(a, headers={"content-type": "text/html"}), SignatureRefusal.MISSING),
    (lambda a: replace(a, headers={**a.headers, "content-type": "text/html"}), SignatureRefusal.WRONG),
]


@pytest.mark.parametrize(("change", "refusal"), ALTERED_ANSWERS)
def test_an_altered_answer_is_refused(
    change: Callable[[ResponseParts], ResponseParts], refusal: SignatureRefusal
) -> None:
    request = signed_request()
    altered = change(signed_answer(request))
    assert verify_response(altered, request=request, find_key=keys(GATEWAY, "G1")) is refusal


def test_a_time_of_thousands_of_digits_is_malformed_and_harms_nobody() -> None:
    """Anybody can send such a header before any key is known: it is a refusal, never an exception."""
    request = signed_request()
    long = {
        **request.headers,
        "signature-input": request.headers["signature-input"].replace("=1000;", f"={'9' * 5000};"),
    }
    assert verify_request(replace(request, headers=long), find_key=keys(TILL, "T1")) is SignatureRefusal.MALFORMED
    answer = signed_answer(request)
    long = {**answer.headers, "signature-input": answer.headers["signature-input"].replace("=1001;", f"={'9' * 5000};")}
    found = verify_response(replace(answer, headers=long), request=request, find_key=keys(GATEWAY, "G1"))
    assert found is SignatureRefusal.MALFORMED


def over(request: RequestParts, covered: Sequence[str], tail: str = "") -> RequestParts:
    """The request, rightly signed by its till over these components and with these parameters."""
    params = f"({' '.join(covered)}){tail or GOOD_TAIL}"
    values = [(component, request_value(component, request) or "") for component in covered]
    signature = b64encode(TILL.sign(signature_base(values, params))).decode()
    signed = {"signature-input": f"{LABEL}={params}", "signature": f"{LABEL}=:{signature}:"}
    return replace(request, headers={**request.headers, **signed})


GOOD_TAIL = f';created=1000;expires=1060;nonce="{b64encode(NONCE).decode()}";keyid="T1";tag="{TAG}"'
COVERED = request_components(signed_request())


def test_the_same_components_in_another_order_are_the_same_signature() -> None:
    request = over(signed_request(), COVERED[::-1])
    assert isinstance(verify_request(request, find_key=keys(TILL, "T1")), Verified)


@pytest.mark.parametrize(
    "covered",
    [
        *([other for other in COVERED if other != left_out] for left_out in COVERED),
        [*COVERED, '"x-more"'],
        [*COVERED, '"@query"'],
        [],
    ],
    ids=lambda covered: f"{len(covered)} {' '.join(sorted(set(COVERED) - set(covered)))}",
)
def test_a_request_that_its_own_till_signed_over_less_or_more_is_refused(covered: list[str]) -> None:
    """What is not covered could be changed on the way, by whoever forwards it."""
    request = signed_request()
    request = over(replace(request, headers={**request.headers, "x-more": "1"}), covered)
    refusal = verify_request(request, find_key=keys(TILL, "T1"))
    assert refusal in (SignatureRefusal.WRONG_COVERAGE, SignatureRefusal.MALFORMED)


def test_a_body_without_its_type_is_refused_however_it_is_signed() -> None:
    request = signed_request()
    bare = replace(request, headers={name: v for name, v in request.headers.items() if name != "content-type"})
    assert verify_request(over(bare, COVERED), find_key=keys(TILL, "T1")) is SignatureRefusal.WRONG_COVERAGE


@pytest.mark.parametrize(
    "tail",
    [
        GOOD_TAIL.replace(TAG, "another-program"),
        GOOD_TAIL.replace(f';tag="{TAG}"', ""),
        GOOD_TAIL.replace(";expires=1060", ""),
        GOOD_TAIL.replace("created=1000", 'created="1000"'),
        GOOD_TAIL.replace(b64encode(NONCE).decode(), b64encode(NONCE[:15]).decode()),
        GOOD_TAIL.replace(b64encode(NONCE).decode(), "not base64"),
        GOOD_TAIL.replace("expires=1060", 'expires="1060"'),
        GOOD_TAIL.replace('keyid="T1"', "keyid=1"),
        GOOD_TAIL.replace(f'nonce="{b64encode(NONCE).decode()}"', "nonce=1"),
        GOOD_TAIL + ";created=2000",
        GOOD_TAIL + ';alg="hmac-sha256"',
        GOOD_TAIL + ';more="1"',
    ],
)
def test_parameters_outside_the_profile_are_refused_however_rightly_they_are_signed(tail: str) -> None:
    refusal = verify_request(over(signed_request(), COVERED, tail), find_key=keys(TILL, "T1"))
    assert refusal is SignatureRefusal.MALFORMED


def answer_over(answer: ResponseParts, request: RequestParts, covered: Sequence[str]) -> ResponseParts:
    """The answer, rightly signed by the gateway over these components."""

    def value(component: str) -> str:
        if component.endswith(";req"):
            return request_value(component.removesuffix(";req"), request) or ""
        return str(answer.status) if component == '"@status"' else answer.headers[component.strip('"')]

    params = f"({' '.join(covered)}){GOOD_TAIL.replace('T1', 'G1')}"
    signature = b64encode(GATEWAY.sign(signature_base([(c, value(c)) for c in covered], params))).decode()
    signed = {"signature-input": f"{LABEL}={params}", "signature": f"{LABEL}=:{signature}:"}
    return replace(answer, headers={**answer.headers, **signed})


ANSWER_COVERED = (
    *('"@status"', '"content-type"', '"content-digest"', *(f"{one};req" for one in COVERED)),
    '"signature";key="guitai";req',
)


def test_an_answer_signed_over_all_of_it_is_believed() -> None:
    request = signed_request()
    answer = answer_over(signed_answer(request), request, ANSWER_COVERED)
    assert isinstance(verify_response(answer, request=request, find_key=keys(GATEWAY, "G1")), Verified)


@pytest.mark.parametrize("left_out", ANSWER_COVERED)
def test_an_answer_that_the_gateway_signed_over_less_is_refused(left_out: str) -> None:
    """It could be moved to another request, or under another status."""
    request = signed_request()
    covered = [one for one in ANSWER_COVERED if one != left_out]
    answer = answer_over(signed_answer(request), request, covered)
    refusal = verify_response(answer, request=request, find_key=keys(GATEWAY, "G1"))
    assert refusal is SignatureRefusal.WRONG_COVERAGE


def test_an_answer_without_its_type_and_one_by_an_unknown_key_are_refused() -> None:
    request = signed_request()
    answer = signed_answer(request)
    bare = replace(answer, headers={name: v for name, v in answer.headers.items() if name != "content-type"})
    assert verify_response(bare, request=request, find_key=keys(GATEWAY, "G1")) is SignatureRefusal.WRONG_COVERAGE
    assert verify_response(answer, request=request, find_key=keys(GATEWAY, "G2")) is SignatureRefusal.UNKNOWN_KEY


def test_an_unknown_key_is_refused() -> None:
    request = signed_request()
    assert verify_request(request, find_key=keys(TILL, "T2")) is SignatureRefusal.UNKNOWN_KEY
    assert verify_response(signed_answer(request), request=request, find_key=keys(TILL, "G1")) is SignatureRefusal.WRONG


def test_an_unsigned_request_gets_a_signed_answer_that_binds_what_there_is() -> None:
    bare = RequestParts(method="GET", authority="h", path="/x", query="", headers={}, body=b"")
    answer = signed_answer(bare, status=401)
    assert '"@path";req' in answer.headers["signature-input"]
    assert verify_response(answer, request=bare, find_key=keys(GATEWAY, "G1")) is SignatureRefusal.WRONG_COVERAGE


@pytest.mark.parametrize(("now_s", "within"), [(700, True), (1300, True), (699, False), (1301, False)])
def test_the_window_is_300_seconds_either_way(now_s: int, *, within: bool) -> None:
    verified = Verified(keyid="T1", created_s=1000, expires_s=1300, nonce="")
    assert within_window(verified, now_s=now_s) is within


def test_the_journal_header_is_sequence_and_head() -> None:
    assert read_journal_header(journal_header(12, "0f" * 32)) == (12, "0f" * 32)
    for wrong in ("", "12", "12:xyz", ":" + "0" * 64, "1:" + "0" * 63, "-1:" + "0" * 64):
        assert read_journal_header(wrong) is None


@pytest.mark.parametrize(("expires_s", "within"), [(1_000, True), (700, True), (699, False)])
def test_a_signature_that_has_ended_is_out_of_time(expires_s: int, *, within: bool) -> None:
    """With the same 300 s between two clocks."""
    verified = Verified(keyid="T1", created_s=1_000, expires_s=expires_s, nonce="")
    assert within_window(verified, now_s=1_000) is within
