"""What is changed about a shop's page when a phone's browser serves it: its addresses, its headers, one script more.

The page's own content security policy stays in force, so that what it forbids stays forbidden. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

_KEPT_HEADERS: Final = frozenset({"content-type", "content-security-policy", "content-language", "retry-after"})
_ABSOLUTE: Final = re.compile(rb"""(?P<name>\s(?:href|src|action)=["']?)(?P<slash>/)(?!/)""", re.IGNORECASE)
_HEAD: Final = re.compile(rb"<head\b[^>]*>", re.IGNORECASE)
_NONCE: Final = re.compile(r"'nonce-(?P<nonce>[A-Za-z0-9+/=_-]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """`root`: the path under which the shop's pages are served. `bridge`: where the wallet's script is. `shop`: the
    shop's own origin."""

    root: str
    bridge: str
    wallet: str
    shop: str


def served_headers(headers: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """What of an answer's headers goes on to the phone. Cookies stay in the wallet's browser."""
    kept = {name: value for name, value in headers if name in _KEPT_HEADERS}
    # So that an absolute address to which a page goes by itself can be led back.
    return {**kept, "referrer-policy": "same-origin", "cache-control": "no-store"}


def with_bridge(html: bytes, headers: Mapping[str, str], frame: Frame) -> tuple[bytes, dict[str, str]]:
    """The page with the wallet's script as its first, and its absolute addresses below the root."""
    led = _ABSOLUTE.sub(lambda found: found["name"] + frame.root.encode("ascii") + b"/", html)
    policy = headers.get("content-security-policy", "")
    script = _script(frame, _NONCE.search(_script_rule(policy))).encode("utf-8")
    found = _HEAD.search(led)
    at = 0 if found is None else found.end()
    changed = dict(headers)
    if policy:
        changed["content-security-policy"] = _with_own_script(policy)
    return led[:at] + script + led[at:], changed


def _script(frame: Frame, nonce: re.Match[str] | None) -> str:
    named = {"root": frame.root, "bridge": frame.bridge, "wallet": frame.wallet, "shop": frame.shop}
    values = "".join(f' data-{name}="{escape(value)}"' for name, value in named.items())
    allowed = "" if nonce is None else f' nonce="{escape(nonce["nonce"])}"'
    return f'<script src="{frame.bridge}/bridge.js"{values}{allowed}></script>'


def _rules(policy: str) -> dict[str, list[str]]:
    words = (rule.split() for rule in policy.split(";"))
    return {rule[0].lower(): rule[1:] for rule in words if rule}


def _script_rule(policy: str) -> str:
    rules = _rules(policy)
    return " ".join(rules.get("script-src", rules.get("default-src", [])))


def _with_own_script(policy: str) -> str:
    """The wallet's script and its calls come from here; nothing else is let in."""
    rules = _rules(policy)
    if "default-src" in rules or "script-src" in rules:
        rules["script-src"] = _and_self(rules.get("script-src", rules.get("default-src", [])))
    if "default-src" in rules or "connect-src" in rules:
        rules["connect-src"] = _and_self(rules.get("connect-src", rules.get("default-src", [])))
    return "; ".join(" ".join((name, *values)) for name, values in rules.items())


def _and_self(values: list[str]) -> list[str]:
    return [*(value for value in values if value not in {"'none'", "'self'"}), "'self'"]
