"""What a phone carries between its requests: the state of a sign-in, and the payer once the wallet has named him.

Rules
- A state is good once, for a few minutes, for one page, one account and the browser that it was made for. The key is
  this process's; a restart ends every sign-in under way, and a new scan begins another.
- The payer's id leaves this process only inside a sealed cookie that is bound to its page. A row knows an HMAC of it,
  under a key that outlives the process: the same payer finds his own open order again.
- Letters and digits only: a wallet keeps nothing else of a state (WeChat: 128 of them, Alipay: 100).
It must not know HTTP, or where pages are.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final, cast

from msgspec import Struct

from gateway.ports import Entropy
from gateway.store.sealing import Seal, SealBroken
from protocol.numbers import CROCKFORD, crockford
from protocol.secret import Secret

STATE_LIFE_MS: Final = 300_000
PAYER_LIFE_MS: Final = 900_000
_BROWSER: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_STATE: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{55}")
_NONCE, _UNTIL, _ACCOUNT, _MAC = 10, 4, 4, 16
_STATE_BYTES: Final = _NONCE + _UNTIL + _ACCOUNT + _MAC
#: More sign-ins under way than this are not remembered as used: then none is believed.
_MOST_USED: Final = 50_000


class PayerSession(Struct, frozen=True, kw_only=True):
    """Who holds the phone, as its wallet said to `account_id`. `mark`: what a row may know of it."""

    account_id: str
    channel: str
    payer: Secret
    mark: str


class Tickets:
    """`process_key`: 32 bytes of this process. `mark_key`: 32 bytes that stay the same."""

    def __init__(self, *, process_key: bytes, mark_key: bytes, entropy: Entropy) -> None:
        self._state_key = digest(process_key, b"guitai-page-state", sha256)
        self._seal = Seal(digest(process_key, b"guitai-page-payer", sha256), entropy)
        self._mark_key = mark_key
        self._entropy = entropy
        self._used: dict[bytes, int] = {}

    def new_browser(self) -> str:
        return crockford(self._entropy.bytes(16))

    def new_state(self, *, token: str, browser: str, account_id: str, now_ms: int) -> str:
        until = ((now_ms + STATE_LIFE_MS) // 1000).to_bytes(_UNTIL, "big")
        head = self._entropy.bytes(_NONCE) + until + _name(account_id)
        return crockford(head + self._mac(head, token, browser, account_id))

    def use_state(self, state: str, *, token: str, browser: str, accounts: Iterable[str], now_ms: int) -> str | None:
        """The account that the sign-in was begun for; None for any state that is not good now. It is used up."""
        raw = _read(state)
        if raw is None or not _BROWSER.fullmatch(browser):
            return None
        head, mac = raw[:-_MAC], raw[-_MAC:]
        account_id = next((one for one in accounts if _name(one) == head[-_ACCOUNT:]), None)
        if account_id is None or not compare_digest(mac, self._mac(head, token, browser, account_id)):
            return None
        until_ms = int.from_bytes(head[_NONCE : _NONCE + _UNTIL], "big") * 1000
        self._forget(now_ms)
        if now_ms >= until_ms or mac in self._used or len(self._used) >= _MOST_USED:
            return None
        self._used[mac] = until_ms
        return account_id

    def session(self, *, account_id: str, channel: str, payer: Secret) -> PayerSession:
        told = f"{account_id}\0{payer.reveal()}".encode()
        mark = digest(self._mark_key, told, sha256).hex()[:32]
        return PayerSession(account_id=account_id, channel=channel, payer=payer, mark=mark)

    def seal(self, session: PayerSession, *, token: str, now_ms: int) -> str:
        """The cookie's value."""
        held = {
            "account": session.account_id,
            "channel": session.channel,
            "payer": session.payer.reveal(),
            "until": now_ms + PAYER_LIFE_MS,
        }
        sealed = self._seal.seal(json.dumps(held).encode(), about=f"payer:{token}")
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, cookie: str, *, token: str, now_ms: int) -> PayerSession | None:
        """None: not sealed by this process for this page, or too old."""
        if not cookie or len(cookie) > 2_048 or not cookie.isascii():
            return None
        try:
            plain = self._seal.open(urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)), about=f"payer:{token}")
        except (SealBroken, ValueError):
            return None
        held = cast("dict[str, str | int]", json.loads(plain))
        if now_ms >= int(held["until"]):
            return None
        return self.session(
            account_id=str(held["account"]), channel=str(held["channel"]), payer=Secret(str(held["payer"]))
        )

    def _mac(self, head: bytes, token: str, browser: str, account_id: str) -> bytes:
        bound = head + f"{token}\0{browser}\0{account_id}".encode()
        return digest(self._state_key, bound, sha256)[:_MAC]

    def _forget(self, now_ms: int) -> None:
        """Those that are too old by now are refused for that."""
        while self._used and next(iter(self._used.values())) <= now_ms:
            del self._used[next(iter(self._used))]


def is_browser(text: str) -> bool:
    """Whether a cookie's value is one that `new_browser` could have made."""
    return _BROWSER.fullmatch(text) is not None


def _name(account_id: str) -> bytes:
    return sha256(account_id.encode()).digest()[:_ACCOUNT]


def _read(state: str) -> bytes | None:
    if not _STATE.fullmatch(state):
        return None
    value = 0
    for character in state:
        value = value << 5 | CROCKFORD.index(character)
    spare = len(state) * 5 - _STATE_BYTES * 8
    # One text for each state: spare bits that are not zero would be another text for the same bytes.
    return (value >> spare).to_bytes(_STATE_BYTES, "big") if not value & ((1 << spare) - 1) else None
