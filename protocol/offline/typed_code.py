"""Typed codes, for guns that cannot read a phone: 12 digits that the proof page shows after PAID, typed by the cashier.

The gateway derives code i of a terminal from a key of its own; the till holds only a slow hash of each (a verifier), so
that nothing on its disk makes a proof. A code has 10 digits and 2 check digits (ISO 7064 MOD 97-10), which find a
typing slip before a try is counted. Index 0 means "no typed code".
"""

from __future__ import annotations

import re
from hashlib import scrypt, sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final, Protocol

from protocol.numbers import TERMINAL_ID_BYTES
from protocol.offline.text import read_record

CODE_DIGITS: Final = 12
#: How many verifiers a till holds, and below how many it asks for more (SAFETY.md section 3, 6).
HELD: Final = 64
REFILL_BELOW: Final = 32
FIRST_INDEX: Final = 1
LAST_INDEX: Final = 2**16 - 1

_DERIVED_AS: Final = b"guitai-typed-code-v1\0"
_VERIFIER_BYTES: Final = 16
#: About 10 ms and 4 MiB a guess.
_SCRYPT_N: Final = 2**12


def _place(terminal_id: str, epoch: int, index: int) -> bytes:
    terminal = read_record(terminal_id, TERMINAL_ID_BYTES)
    assert terminal is not None, "a terminal id is 13 characters"
    assert FIRST_INDEX <= index <= LAST_INDEX, "an index of 16 bits, not 0"
    return terminal + epoch.to_bytes(2, "big") + index.to_bytes(2, "big")


def derive_code(key: bytes, *, terminal_id: str, epoch: int, index: int) -> str:
    """Code `index` of a terminal: 12 digits. Only the gateway holds the key."""
    mac = hmac_digest(key, _DERIVED_AS + _place(terminal_id, epoch, index), sha256)
    ten = f"{int.from_bytes(mac[:16], 'big') % 10**10:010}"
    return ten + _check_digits(ten)


def verifier(code: str, *, terminal_id: str, epoch: int, index: int) -> str:
    """The slow hash of a code that the till may hold: 32 hexadecimal characters."""
    salt = _place(terminal_id, epoch, index)
    return scrypt(code.encode(), salt=salt, n=_SCRYPT_N, r=8, p=1, dklen=_VERIFIER_BYTES).hex()


class SlowHash(Protocol):
    """What makes a verifier of a code: `verifier`, but where time is only played."""

    def __call__(self, code: str, *, terminal_id: str, epoch: int, index: int) -> str: ...


def frees(code: str, held: str, *, terminal_id: str, epoch: int, index: int, slow_hash: SlowHash = verifier) -> bool:
    """Whether the typed code is the one that the verifier stands for."""
    return compare_digest(slow_hash(code, terminal_id=terminal_id, epoch=epoch, index=index), held)


def read_code(text: str) -> str | None:
    """Reads 12 typed digits (blanks and dashes between groups); None when not 12 digits or a check digit is wrong."""
    plain = re.sub(r"[\s-]", "", text)
    if re.fullmatch(r"[0-9]{12}", plain) is None or _check_digits(plain[:10]) != plain[10:]:
        return None
    return plain


def _check_digits(ten: str) -> str:
    return f"{98 - int(ten) * 100 % 97:02}"
