"""Recognise, route and sign: from a scanned text to the signed pay request, against one RSA-2048 signature.

Processor time of this thread, not the clock on the wall. Several accounts and rules, as a shop with a choice has.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.channels.port import ChannelRequest, LineFault, NotSent, PayOrder
from gateway.jobs.schedule import CODE_DEADLINE_MS
from gateway.routing.accounts import Accounts
from gateway.routing.choose import Candidate
from gateway.routing.health_book import HealthBook
from gateway.routing.router import Router
from gateway.routing.rules import AccountTerms, Rule
from proof.bench.measure import Measured, interleaved
from proof.bench.wallet import AMOUNT_FEN, APP_ID
from protocol.auth_code import PaymentCode, classify_scan
from protocol.numbers import NUMBER_BYTES, new_number, new_out_trade_no

BOUND: Final = 2.5
_ACCOUNTS: Final = 4
#: So many in one round: one alone is close to what the thread's clock can tell.
_AT_A_TIME: Final = 20
_MERCHANT: Final = "bench"


async def measure_route(_folder: Path, *, rounds: int) -> Measured:
    """Medians of `rounds` times twenty payments."""
    key, wallet_key = generate_private_key(65537, 2048), generate_private_key(65537, 2048)
    accounts = _accounts(key, wallet_key.public_key())
    router = Router(accounts, HealthBook())
    router.load([Rule(id="evening", merchant=_MERCHANT, accounts=("account1", "account2"), min_fen=1_000_000)], {})
    signed = os.urandom(500)

    async def ours() -> float:
        codes = [f"28{int.from_bytes(os.urandom(6), 'big') % 10**16:016}" for _ in range(_AT_A_TIME)]
        numbers = [new_out_trade_no(new_number(os.urandom(NUMBER_BYTES)), 0) for _ in range(_AT_A_TIME)]
        now_ms = time.time_ns() // 1_000_000
        began_ns = time.thread_time_ns()
        for text, number in zip(codes, numbers, strict=True):
            pay_request(accounts, router, text, number, now_ms=now_ms)
        return (time.thread_time_ns() - began_ns) / 1e6 / _AT_A_TIME

    async def reference() -> float:
        began_ns = time.thread_time_ns()
        for _ in range(_AT_A_TIME):
            key.sign(signed, PKCS1v15(), SHA256())
        return (time.thread_time_ns() - began_ns) / 1e6 / _AT_A_TIME

    ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds)
    return Measured(
        name="route",
        reference="processor time of one RSA-2048 signature",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
    )


def pay_request(accounts: Accounts, router: Router, text: str, out_trade_no: str, *, now_ms: int) -> ChannelRequest:
    """What the till, then the gateway do with one scanned text."""
    scanned = classify_scan(text)
    assert isinstance(scanned, PaymentCode), "a payment code"
    decision = router.for_code(
        merchant_id=_MERCHANT,
        store_id="store",
        auth_code=scanned.auth_code,
        amount_fen=AMOUNT_FEN,
        not_sent=(),
        now_ms=now_ms,
    )
    assert decision is not None, "recognised by the gateway too"
    assert decision.chosen is not None, "an account fits"
    account = accounts.find(decision.chosen.account_id)
    assert account is not None, "an account that was chosen is open"
    order = PayOrder(
        out_trade_no=out_trade_no,
        amount_fen=AMOUNT_FEN,
        subject="商品",
        auth_code=scanned.auth_code,
        operator="01",
        terminal="0000000000000",
        store="",
        open_for_ms=CODE_DEADLINE_MS,
        opened_ms=now_ms,
    )
    return account.channel.pay(order, now_ms=now_ms).request


def _accounts(key: RSAPrivateKey, wallet_key: RSAPublicKey) -> Accounts:
    accounts = Accounts(lambda _account: _unused)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = wallet_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    rows: list[tuple[Candidate, str]] = []
    for number in range(_ACCOUNTS):
        settings = {
            "id": f"account{number}",
            "channel": "alipay",
            "base_url": "https://wallet.test/gateway.do",
            "app_id": APP_ID,
            "private_key": private,
            "wallet_public_key": public,
        }
        candidate = Candidate(
            account_id=f"account{number}",
            merchant_id=_MERCHANT,
            channel="alipay",
            shown_default=False,
            terms=AccountTerms(),
        )
        rows.append((candidate, json.dumps(settings)))
    accounts.load(rows)
    assert not accounts.broken, accounts.broken
    return accounts


async def _unused(request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int) -> NotSent:
    """Nothing is sent."""
    assert request.body, "a call says something"
    assert connect_timeout_ms + read_timeout_ms > 0, "and has limits"
    return NotSent(LineFault.CONNECT_FAILED)
