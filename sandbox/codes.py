"""Payment codes on customers' phones: fresh, single use, good for 60 seconds.

A code is dead after any attempt that reached the wallet, a failed one too. The code itself stays out of every repr.
Must not know: any wallet's protocol, HTTP, the clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from sandbox.plan import Effect, Plan
from sandbox.scripts import Script, plan_for_code
from sandbox.wire import RandomBytes, random_digits, random_text

CODE_LIFE_MS = 60_000

_NAMES = ("136", "138", "139", "150", "158", "186", "188")
_OPENID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who pays, as the wallet names them to shops."""

    user_id: str
    """Alipay's 2088… number, WeChat's openid, UnionPay's user id."""
    logon_id: str
    """Masked already: a telephone number, at UnionPay the card number; WeChat shows none."""

    def __repr__(self) -> str:
        return f"Buyer(…{self.user_id[-4:]})"


def draw_alipay_buyer(random_bytes: RandomBytes) -> Buyer:
    """A 2088… account and a masked telephone number."""
    digits = random_digits(random_bytes, 16)
    return Buyer(
        user_id="2088" + digits[:12],
        logon_id=f"{_NAMES[int(digits[12:14]) % len(_NAMES)]}******{digits[14:16]}",
    )


def draw_wechat_buyer(random_bytes: RandomBytes) -> Buyer:
    """An openid: 28 characters that begin with `o`."""
    return Buyer(user_id="o" + random_text(random_bytes, 27, _OPENID_ALPHABET), logon_id="")


def draw_unionpay_buyer(random_bytes: RandomBytes) -> Buyer:
    """A user id and a masked card number."""
    digits = random_digits(random_bytes, 18)
    return Buyer(user_id=digits[:12], logon_id=f"62{digits[12:14]}26******{digits[14:18]}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeForm:
    """How a wallet's codes look, and who holds them."""

    prefixes: tuple[str, ...]
    lengths: tuple[int, ...]
    """Each as likely as its share of the tuple."""
    draw_buyer: Callable[[RandomBytes], Buyer]


ALIPAY_CODES = CodeForm(
    prefixes=("25", "26", "27", "28", "29", "30"),
    # Most phones show 18 digits; the wallet may show up to 24, and a till must take "the length you scanned".
    lengths=(18, 18, 18, 18, 18, 18, 19, 20, 21, 22, 23, 24),
    draw_buyer=draw_alipay_buyer,
)
WECHAT_CODES = CodeForm(prefixes=("10", "11", "12", "13", "14", "15"), lengths=(18,), draw_buyer=draw_wechat_buyer)
UNIONPAY_CODES = CodeForm(prefixes=("62",), lengths=(19,), draw_buyer=draw_unionpay_buyer)


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
    """Codes that phones have shown. Each wallet may have its own, or all may share one."""

    def __init__(self, random_bytes: RandomBytes) -> None:
        self._random_bytes = random_bytes
        self._issued: dict[str, _Issued] = {}

    def issue_alipay(self, script: Script, now_ms: int) -> str:
        return self.issue(ALIPAY_CODES, script, now_ms)

    def issue(self, form: CodeForm, script: Script, now_ms: int) -> str:
        """A fresh code for one customer who will behave as the script says."""
        code = self._draw(form)
        while code in self._issued:
            code = self._draw(form)
        self._issued[code] = _Issued(script=script, buyer=form.draw_buyer(self._random_bytes), issued_ms=now_ms)
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

    def _draw(self, form: CodeForm) -> str:
        drawn = self._random_bytes(2)
        prefix = form.prefixes[drawn[0] % len(form.prefixes)]
        length = form.lengths[drawn[1] % len(form.lengths)]
        return prefix + random_digits(self._random_bytes, length - len(prefix))
