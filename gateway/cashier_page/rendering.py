"""The page as bytes: one template, one style sheet, one script, all inside it; nothing is fetched from elsewhere.

Every word that came from a person is escaped by the template. A nonce is new for each page; no other script runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jinja2
from msgspec import Struct
from starlette.responses import Response

from gateway.cashier_page.showing import PageState, facts_json, money_may_return, script_json, yuan
from gateway.cashier_page.wallets import Wallet
from gateway.cashier_page.words import LANGUAGES, Words
from gateway.payments.values import Payment

_FOLDER: Final = Path(__file__).parent
_CSS: Final = (_FOLDER / "page.css").read_text(encoding="utf-8")
_PROOF_JS: Final = (_FOLDER / "proof.js").read_text(encoding="utf-8")
_JS: Final = (_FOLDER / "page.js").read_text(encoding="utf-8")
_TEMPLATE: Final = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
    (_FOLDER / "page.html").read_text(encoding="utf-8")
)
_LANGUAGE_NAMES: Final = (("zh-CN", "简体"), ("zh-TW", "繁體"), ("en", "English"))
#: For everything below `/q/`: nothing is kept, nothing is told to others.
HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}


class Shown(Struct, frozen=True, kw_only=True):
    """Who looks at which shop, in which language. `shop` empty: the page says nothing about any shop."""

    language: str
    nonce: str
    shop: str = ""
    wallet: str = ""

    @property
    def words(self) -> Words:
        return LANGUAGES[self.language]

    def named(self, word: str) -> str:
        """A sentence with the wallet's name in it."""
        name = self.words.get(self.wallet, "")
        latin = name.isascii() and self.language != "en"
        return self.words[word].format(wallet=f" {name} " if latin else name)


class ProofCalls(Struct, frozen=True, kw_only=True):
    """Where a page asks for the proof of an offline order. `close`: where "I am not paying" is pressed."""

    proof: str
    close: str | None = None


def pay_page(
    shown: Shown,
    *,
    state: PageState,
    press: str,
    status: str | None,
    amount_fen: int | None,
    most_fen: int,
    proves: ProofCalls | None = None,
) -> Response:
    """The page with its button. `amount_fen` None: with the keypad."""
    words = shown.words
    said = {name: shown.named(name) for name in ("opening", "no_bridge")}
    said |= {name: words[name] for name in ("confirming", "gave_up", "left", "line_bad", "not_begun")}
    said |= {"wait": f"{words['wait_title']}\n{words['wait_text']}"}
    said |= {"too_much": words["too_much"].format(most=yuan(most_fen).removesuffix(".00"))}
    more: dict[str, object] = {"wallet": shown.wallet, "status": status, "most_fen": most_fen}
    more |= {"words": {**said, **_proof_words(words)} if proves is not None else said}
    return _page(
        shown,
        view="pay",
        state=state,
        facts=facts_json(press=press, amount_fen=amount_fen, state=state),
        amount=None if amount_fen is None else yuan(amount_fen),
        keypad=amount_fen is None,
        more=more,
        proves=proves,
    )


def _proof_words(words: Words) -> dict[str, str]:
    return {name: words[name] for name in ("closing", "proof_qr", "line_bad")}


def end_page(shown: Shown, payment: Payment, state: PageState, *, proves: ProofCalls | None = None) -> Response:
    """Paid, or over. `proves`: and its proof."""
    told = status_words(payment, state, shown.language)
    return _page(
        shown,
        view=state.value,
        state=state,
        facts=facts_json(press=None, amount_fen=payment.amount_fen, state=state),
        amount=yuan(payment.amount_fen),
        title=str(told["title"]),
        text=str(told["text"]),
        more=None if proves is None else {"words": _proof_words(shown.words), "ask_now": True},
        proves=proves,
    )


def ask_page(shown: Shown, what: str, *, amount_fen: int, proves: ProofCalls, waits: bool) -> Response:
    """An order without an end: `settling`, or one that never came (`unknown`, `late`) and may be closed by a press."""
    return _page(
        shown,
        view="ask",
        state=PageState.WAIT,
        facts=facts_json(press=None, amount_fen=amount_fen, state=PageState.WAIT),
        amount=yuan(amount_fen),
        title=shown.words[f"{what}_title"],
        text=shown.words[f"{what}_text"],
        more={"words": _proof_words(shown.words), "ask_now": waits},
        proves=proves,
    )


def refused_page(shown: Shown, *, tell: str | None = None) -> Response:
    """One sentence for every offline order that may not be paid, whatever is wrong with it. `tell`: where the page's
    script says that a phone has opened it; by looking alone nothing may be noted, not even that there are two tills."""
    return _neutral(shown, "refused", status=404, more=None if tell is None else {"tell": tell})


def cancelled_page(shown: Shown) -> Response:
    return _neutral(shown, "cancelled", status=410)


def status_words(payment: Payment, state: PageState, language: str) -> dict[str, object]:
    """How a payment stands, for the page's own script."""
    words, text = LANGUAGES[language], f"{state.value}_text"
    if state is PageState.OVER and money_may_return(payment):
        text = "over_return"
    return {
        "state": state.value,
        "seq": payment.state_seq,
        "title": words.get(f"{state.value}_title", words["not_paid_yet"]),
        "text": words.get(text, ""),
        "amount": yuan(payment.amount_fen),
    }


def choose_app_page(shown: Shown, *, channels: Sequence[str], amount_fen: int | None) -> Response:
    """Which app to open: those that the shop takes."""
    words = shown.words
    text = (
        words["choose_none"] if not channels else shown.named("choose_other") if shown.wallet else words["choose_text"]
    )
    return _page(
        shown,
        view="choose_app",
        state=PageState.CHOOSE_APP,
        facts=facts_json(press=None, amount_fen=amount_fen, state=PageState.CHOOSE_APP),
        amount=None if amount_fen is None else yuan(amount_fen),
        title=words["choose_title"],
        text=text if channels else words["choose_none"],
        apps=[(one.value, words[one.value]) for one in Wallet if one.value in channels],
    )


def gone_page(shown: Shown) -> Response:
    """An unknown and a revoked token look alike."""
    return _neutral(shown, "gone", status=404)


def busy_page(shown: Shown) -> Response:
    answer = _neutral(shown, "busy", status=429)
    answer.headers["retry-after"] = "5"
    return answer


def sign_in_failed_page(shown: Shown, *, again: str) -> Response:
    return _page(
        shown,
        view="again",
        state=PageState.WAIT,
        facts=facts_json(press=None, amount_fen=None, state=PageState.WAIT),
        title=shown.named("sign_in_title"),
        text=shown.words["sign_in_text"],
        again=again,
        status=400,
    )


def _neutral(shown: Shown, what: str, *, status: int, more: dict[str, object] | None = None) -> Response:
    return _page(
        shown,
        view=what,
        state=PageState.OVER,
        facts=facts_json(press=None, amount_fen=None, state=PageState.OVER),
        title=shown.words[f"{what}_title"],
        text=shown.words[f"{what}_text"],
        more=more,
        status=status,
    )


def _page(
    shown: Shown,
    *,
    view: str,
    state: PageState,
    facts: str,
    amount: str | None = None,
    title: str = "",
    text: str = "",
    apps: Sequence[tuple[str, str]] = (),
    again: str | None = None,
    keypad: bool = False,
    more: dict[str, object] | None = None,
    proves: ProofCalls | None = None,
    status: int = 200,
) -> Response:
    if more is not None and proves is not None:
        more = {**more, "proof": proves.proof, "close": proves.close}
    js = _JS if view == "pay" else ""
    if proves is not None or (more is not None and view != "pay"):
        js = _PROOF_JS + js
    html = _TEMPLATE.render(
        language=shown.language,
        languages=_LANGUAGE_NAMES,
        nonce=shown.nonce,
        shop=shown.shop,
        wallet=shown.wallet,
        words=shown.words,
        pay_with=shown.named("pay_with").strip(),
        css=_CSS,
        js=js,
        proves=proves is not None,
        closes=proves is not None and proves.close is not None,
        view=view,
        state=state.value,
        facts=facts,
        amount=amount,
        title=title,
        text=text,
        apps=apps,
        again=again,
        keypad=keypad,
        more="" if more is None else script_json(more),
    )
    policy = (
        f"default-src 'none'; script-src 'nonce-{shown.nonce}'; style-src 'nonce-{shown.nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {**HEADERS, "content-security-policy": policy, "content-language": shown.language, "vary": "user-agent"}
    return Response(html, status_code=status, media_type="text/html", headers=headers)
