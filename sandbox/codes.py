"""Payment codes on customers' phones: fresh, single use, good for 60 seconds.

A code is dead after any attempt that reached the wallet, a failed one too. The code itself stays out of every repr.
Must not know: any wallet's protocol, HTTP, the clock.
"""

from dataclasses import dataclass, replace
from enum import Enum

from sandbox.scripts import Effect, Plan, Script, plan_for_code
from sandbox.wire import RandomBytes, random_digits

CODE_LIFE_MS = 60_000

_ALIPAY_PREFIXES = ("25", "26", "27", "28", "29", "30")
# Most phones show 18 digits; the wallet may show up to 24, and a till must take "the length you scanned".
_ALIPAY_LENGTHS = (18, 18, 18, 18, 18, 18, 19, 20, 21, 22, 23, 24)
_NAMES = ("136", "138", "139", "150", "158", "186", "188")


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who pays. The logon id is masked already, as the wallet shows it to shops."""

    user_id: str
    logon_id: str

    def __repr__(self) -> str:
        return f"Buyer(…{self.user_id[-4:]})"


def draw_buyer(random_bytes: RandomBytes) -> Buyer:
    """A customer of the wallet: a 2088… account and a masked telephone number."""
    digits = random_digits(random_bytes, 16)
    return Buyer(
        user_id="2088" + digits[:12],
        logon_id=f"{_NAMES[int(digits[12:14]) % len(_NAMES)]}******{digits[14:16]}",
    )


class CodeRefused(Enum):
    UNKNOWN = "unknown"
    USED = "used"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A usable code, now under the reader: who holds it and what will happen."""

    buyer: Buyer
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    script: Script
    buyer: Buyer
    issued_ms: int
    used: bool = False


class CodeBook:
    """All codes that phones have shown."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._issued: dict[str, _Issued] = {}

    def issue_alipay(self, script: Script, now_ms: int) -> str:
        """A fresh code for one customer who will behave as the script says."""
        code = self._fresh_alipay_code()
        while code in self._issued:
            code = self._fresh_alipay_code()
        self._issued[code] = _Issued(script=script, buyer=draw_buyer(self._random_bytes), issued_ms=now_ms)
        return code

    def is_known(self, auth_code: str) -> bool:
        return auth_code in self._issued

    def present(self, auth_code: str, now_ms: int) -> Presented | CodeRefused:
        """The wallet reads a code. It is used up by this, unless the request is lost before the wallet acts on it."""
        issued = self._issued.get(auth_code)
        if issued is None:
            return CodeRefused.UNKNOWN
        if issued.used:
            return CodeRefused.USED
        if now_ms >= issued.issued_ms + CODE_LIFE_MS:
            return CodeRefused.TOO_OLD
        plan = plan_for_code(issued.script)
        if plan.effect is not Effect.NOTHING:
            self._issued[auth_code] = replace(issued, used=True)
        return Presented(buyer=issued.buyer, plan=plan)

    def _fresh_alipay_code(self) -> str:
        drawn = self._random_bytes(2)
        prefix = _ALIPAY_PREFIXES[drawn[0] % len(_ALIPAY_PREFIXES)]
        length = _ALIPAY_LENGTHS[drawn[1] % len(_ALIPAY_LENGTHS)]
        return prefix + random_digits(self._random_bytes, length - len(prefix))
